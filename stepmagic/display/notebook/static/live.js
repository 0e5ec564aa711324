// The live view of one reply in the output of its cell.

import { AnswerView, applyPatch, blankState } from "./view.js";

/** @import { WidgetModel } from "./view.js" */

/** Ms without an expected message, after which a page asks the kernel. */
const SILENCE_MS = 500;

/**
 * Notices that the end of an answer was lost. A Jupyter server that drops messages which
 * arrive too fast may drop the last ones, or the output itself, and no gap in `seq`
 * shows that. The kernel reads a question when its cell is over; by then the server lets
 * everything through again. `live.py` has the table of states and messages.
 */
export class Watchdog {
  /** @type {Set<AnswerView>} */
  views = new Set();
  wasViewed = false;
  received = 0;
  #isAsking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {WidgetModel} model */
  constructor(model) {
    this.model = model;
  }

  /** Wait for the next message, and ask after a silence; one question at a time. */
  wait() {
    this.#later(() => {
      if (this.#isAsking || (this.wasViewed && !this.views.size)) return;
      this.#isAsking = true;
      this.model.send({ kind: "status" });
    });
  }

  /**
   * Take the answer to `status`; `sent` counts the messages before the end.
   * @param {{over: boolean, sent: number}} answer
   */
  checkEnd({ over, sent }) {
    this.#isAsking = false;
    if (!over) return this.wait();
    this.#later(() => {
      if (this.views.size) this.model.send({ kind: "resend" });
      // A page that did not run the cell, or has not drawn it yet, has no view either.
      // Nor has one that was so busy that it loaded the model after the answer's end.
      else if (!this.wasViewed && this.received < sent) {
        this.model.send({ kind: "final" });
      }
    });
  }

  /**
   * Request the output again, unless an output of the notebook has the final HTML.
   * @param {string} html
   */
  checkOutput(html) {
    if (html && !isInNotebook(this.model, html)) this.model.send({ kind: "restore" });
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {() => void} act */
  #later(act) {
    this.stop();
    this.#timer = setTimeout(act, SILENCE_MS);
  }
}

/**
 * Whether an output of the notebook, drawn or not, has some HTML.
 * @param {WidgetModel} model
 * @param {string} html
 */
function isInNotebook(model, html) {
  for (const { outputs } of model.widget_manager?.context?.model?.cells ?? []) {
    for (let place = 0; place < (outputs?.length ?? 0); place += 1) {
      if (outputs.get(place).data["text/html"] === html) return true;
    }
  }
  return false;
}

export default () => {
  const state = blankState();
  /** @type {Watchdog} */
  let watchdog;
  return {
    /** @param {{model: WidgetModel}} context */
    initialize({ model }) {
      const over = model.get("over");
      watchdog = new Watchdog(model);
      model.on("msg:custom", (/** @type {any} */ message) => {
        if ("over" in message) return watchdog.checkEnd(message);
        if ("final" in message) return watchdog.checkOutput(message.final);
        watchdog.received += 1;
        if (!over) watchdog.wait();
        const wasLost = state.lost;
        applyPatch(state, message);
        if (state.lost && !wasLost) model.send({ kind: "lost" });
        for (const view of watchdog.views) view.paintSoon();
      });
      if (over || model.get("greets")) model.send({ kind: "ready", over });
      if (!over) watchdog.wait();
      // ipywidgets keeps what is closed while the kernel runs: the comm, with the model
      // and the element of its view. So nothing large may be left on them.
      return () => {
        watchdog.stop();
        Object.assign(state, blankState());
      };
    },
    /** @param {{el: HTMLElement}} context */
    render({ el }) {
      const view = new AnswerView(el, state);
      watchdog.views.add(view);
      watchdog.wasViewed = true;
      return () => {
        watchdog.views.delete(view);
        view.root.remove();
      };
    },
  };
};
