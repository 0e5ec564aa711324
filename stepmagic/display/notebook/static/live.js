// The live view of one reply in the output of its cell; it follows `view.js`.

/** Ms without what is due, after which a page that shows a view asks the kernel. */
const SILENCE = 500;

/**
 * Sees that the answer gets to the page. A Jupyter server that drops what comes too fast
 * may drop the end, or the output itself, and no gap tells of that. The kernel hears a
 * question when its cell is over; by then the server lets everything through again.
 */
class Vigil {
  views = new Set();
  wasViewed = false;
  received = 0;
  #asked = false;
  #timer;

  constructor(model) {
    this.model = model;
  }

  /** Wait for the next message, and ask after a silence; one question at a time. */
  wait() {
    this.#later(() => {
      if (this.#asked || (this.wasViewed && !this.views.size)) return;
      this.#asked = true;
      this.model.send({ kind: "silent" });
    });
  }

  /** Take the answer to the question; `sent` counts the messages before the end. */
  hear({ over, sent }) {
    this.#asked = false;
    if (!over) return this.wait();
    this.#later(() => {
      if (this.views.size) this.model.send({ kind: "unended" });
      // A page that is not the cell's, or has not drawn it yet, has no view either. Nor
      // has one that was so busy that it loaded the model when the answer was over.
      else if (!this.wasViewed && this.received < sent) {
        this.model.send({ kind: "left" });
      }
    });
  }

  /** Ask for the output anew, unless it stands in the notebook as the answer left it. */
  compare(left) {
    if (left && !stands(this.model, left)) this.model.send({ kind: "unseen" });
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #later(act) {
    this.stop();
    this.#timer = setTimeout(act, SILENCE);
  }
}

/** Whether an output of the notebook, drawn or not, has some HTML. */
function stands(model, html) {
  for (const { outputs } of model.widget_manager?.context?.model?.cells ?? []) {
    for (let place = 0; place < (outputs?.length ?? 0); place += 1) {
      if (outputs.get(place).data["text/html"] === html) return true;
    }
  }
  return false;
}

export default () => {
  const state = blankState();
  let vigil;
  return {
    initialize({ model }) {
      const over = model.get("over");
      vigil = new Vigil(model);
      model.on("msg:custom", (message) => {
        if ("over" in message) return vigil.hear(message);
        if ("left" in message) return vigil.compare(message.left);
        vigil.received += 1;
        if (!over) vigil.wait();
        const knew = !state.lost;
        take(state, message);
        if (state.lost && knew) model.send({ kind: "lost" });
        for (const view of vigil.views) view.paintSoon();
      });
      if (over || model.get("greets")) model.send({ kind: "ready", over });
      if (!over) vigil.wait();
      // What is closed is kept by ipywidgets while the kernel runs: the comm, with the
      // model and the element of its view. So nothing large may hang on them.
      return () => {
        vigil.stop();
        Object.assign(state, blankState());
      };
    },
    render({ el }) {
      const view = new View(el, state);
      vigil.views.add(view);
      vigil.wasViewed = true;
      return () => {
        vigil.views.delete(view);
        view.root.remove();
      };
    },
  };
};
