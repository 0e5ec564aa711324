// What the page knows of a conversation. Everything is told by the kernel in messages.

/** Ms after which a click that the kernel has not taken is said to wait. */
const PATIENCE = 400;

/** What a page knows of a conversation. */
class Store {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.asked = new Map();
    this.seq = -1;
    this.gone = "";
    this.clear();
  }

  clear() {
    Object.assign(this, {
      order: [],
      turns: new Map(),
      live: new Map(),
      waiting: [],
      stoppable: [],
      things: [],
      settings: undefined,
    });
  }

  /** Ask the kernel for something; resolves with what it tells. */
  post(kind, fields = {}, buffers = []) {
    const id = fresh("message");
    if (this.gone) return Promise.resolve({ kind: "failed", said: this.gone });
    return new Promise((resolve) => {
      const isSlow = setTimeout(() => this.changed(["slow"]), PATIENCE);
      this.asked.set(id, { kind, text: fields.text, resolve, isSlow, at: Date.now() });
      this.model.send({ kind, id, ...fields }, undefined, buffers);
    });
  }

  /** Clicks that have been waiting for longer than the kernel takes when it is free. */
  get slow() {
    return [...this.asked.values()].filter(({ at }) => Date.now() - at >= PATIENCE);
  }

  receive({ seq, whole, parts }) {
    if (whole) this.clear();
    else if (seq !== this.seq + 1) this.post("ready");
    this.seq = seq;
    const changed = new Set(whole ? ["whole"] : []);
    for (const part of parts) {
      this.take(part);
      changed.add(part.kind);
    }
    this.changed([...changed], parts);
  }

  take(part) {
    const { kind } = part;
    if (["order", "waiting", "stoppable", "settings"].includes(kind)) this[kind] = part[kind];
    if (part.things) this.things = part.things;
    if (kind === "turns") {
      for (const form of part.turns) {
        this.turns.set(form.id, form);
        if (form.status !== "running") this.live.delete(form.id);
        else if (!this.live.has(form.id)) this.live.set(form.id, blankState());
      }
    } else if (kind === "patch" && this.live.has(part.turn)) {
      const state = this.live.get(part.turn);
      take(state, part.patch);
    } else if (kind === "done" || kind === "failed") {
      const asked = this.asked.get(part.id);
      this.asked.delete(part.id);
      clearTimeout(asked?.isSlow);
      asked?.resolve(part);
    }
  }

  changed(kinds, parts = []) {
    for (const view of this.views) view.update(new Set(kinds), parts);
  }

  /** Note that this kernel will say nothing more. */
  end(said) {
    if (this.gone) return;
    this.gone = said;
    for (const { resolve, isSlow } of this.asked.values()) {
      clearTimeout(isSlow);
      resolve({ kind: "failed", said });
    }
    this.asked.clear();
    this.changed(["gone"]);
  }
}

const RESTARTED = "The kernel was restarted. Run the cell of this panel to open it again.";
const DEAD = "The kernel is gone. Start it, and run the cell of this panel again.";

/** Tell a store when its kernel ends; front ends differ in what they let us see. */
function watchKernel(model, store) {
  const kernel = model.widget_manager?.kernel;
  const judge = () => {
    const status = kernel?.status;
    if (status === "dead" || status === "terminating") store.end(DEAD);
    else if (/restarting/.test(status ?? "")) store.end(RESTARTED);
  };
  kernel?.statusChanged?.connect(judge);
  kernel?.disposed?.connect(() => store.end(DEAD));
  model.on("comm_live_update", () => {
    judge();
    store.end(RESTARTED);
  });
  model.on("comm:close", () => store.end(DEAD));
  return () => kernel?.statusChanged?.disconnect(judge);
}
