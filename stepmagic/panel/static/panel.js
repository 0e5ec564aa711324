// The widget of the panel: one store, and a view for each place where it is shown.

import { PanelView } from "./chat.js";
import { Places } from "./places.js";
import { Store, watchKernel } from "./store.js";

/** @import { WidgetModel } from "../../display/notebook/static/view.js" */

export default () => {
  /** @type {Store} */
  let store;
  return {
    /** @param {{model: WidgetModel}} context */
    initialize({ model }) {
      store = new Store(model);
      const unwatch = watchKernel(model, store);
      model.on("msg:custom", (message) => store.receive(message));
      store.request("ready");
      const places = new Places(store, model.get("place"));
      return () => {
        places.stop();
        unwatch();
        store.clear();
      };
    },
    /** @param {{el: HTMLElement}} context */
    render({ el }) {
      const view = new PanelView(store, el);
      store.views.add(view);
      return () => {
        store.views.delete(view);
        view.remove();
      };
    },
  };
};
