// The panel: what the page knows (one store a model) and what it shows (one panel a
// view). Everything is told by the kernel in messages; nothing is drawn on a guess.

/** Ms after which a click that the kernel has not taken is said to wait. */
const PATIENCE = 400;

/** Pixels from the end within which the reader counts as reading the end. */
const NEAR_END = 48;

/** Ms after a wheel, a key or a touch in which scrolling is the reader's own. */
const OWN = 1000;

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

class PanelView {
  constructor(store, element) {
    this.store = store;
    this.views = new Map();
    this.isAtEnd = true;
    this.element = make("section", { class: "sm-panel", "data-lm-suppress-shortcuts": "true" });
    this.bar = new Bar(this);
    this.turns = make("div", { class: "sm-turns", tabindex: "0", role: "region" });
    this.turns.setAttribute("aria-label", "Conversation");
    this.pending = make("div");
    this.inner = make("div", {}, this.pending);
    // A theme, a width or an image that comes late moves the end too.
    this.sizes = new ResizeObserver(() => this.toEnd(false));
    this.sizes.observe(this.inner);
    this.latest = button("Go to the end", () => this.toEnd(true), { hidden: true });
    this.latest.classList.add("sm-latest");
    this.status = make("p", { class: "sm-status", role: "status" });
    this.spoken = make("div", { class: "sm-unseen", "aria-live": "polite" });
    this.composer = new Composer(this);
    this.element.append(
      this.bar.element,
      make("div", { class: "sm-middle" }, this.turns, this.latest),
      this.status,
      this.spoken,
      this.composer.element,
    );
    this.turns.append(this.inner);
    this.touchedAt = -OWN;
    for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      const touch = () => (this.touchedAt = performance.now());
      this.element.addEventListener(kind, touch, { passive: true });
    }
    this.turns.addEventListener("scroll", () => this.scrolled(), { passive: true });
    element.append(this.element);
    this.onKey = (event) => this.letThrough(event);
    window.addEventListener("keydown", this.onKey, true);
    this.refresh();
  }

  remove() {
    window.removeEventListener("keydown", this.onKey, true);
    this.sizes.disconnect();
    this.element.remove();
  }

  /** Show all that is known anew. */
  refresh() {
    this.update(new Set(["whole", "gone"]), []);
  }

  /** Leave the application its own keys: those to save. All others are ours. */
  letThrough(event) {
    const isTheirs = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    this.element.toggleAttribute("data-lm-suppress-shortcuts", !isTheirs);
  }

  post(kind, fields, buffers) {
    const asked = this.store.post(kind, fields, buffers);
    asked.then(({ said }) => said && this.say(said));
    return asked;
  }

  say(text) {
    this.said = text;
    this.showStatus();
  }

  update(kinds, parts) {
    const { store } = this;
    if (kinds.has("whole")) {
      for (const view of this.views.values()) view.element.remove();
      this.views.clear();
    }
    for (const part of parts) {
      if (part.kind === "turns") for (const form of part.turns) this.views.get(form.id)?.take(form);
      else if (part.kind === "patch") this.views.get(part.turn)?.grow(store.live.get(part.turn));
      else if (part.kind === "say") this.speak(part.say);
      else if (part.kind === "fault") this.say(part.said);
    }
    if (["whole", "order", "turns", "stoppable"].some((kind) => kinds.has(kind))) this.arrange();
    if (kinds.has("whole") || kinds.has("settings")) this.bar.fill(store.settings);
    if (["whole", "things", "done"].some((kind) => kinds.has(kind))) this.composer.fillPicker();
    if (["whole", "waiting", "slow", "done", "failed"].some((kind) => kinds.has(kind))) {
      this.showWaiting();
    }
    if (kinds.has("gone")) this.element.toggleAttribute("data-gone", Boolean(store.gone));
    this.composer.submit.disabled = Boolean(store.gone);
    this.showStatus();
    this.toEnd(false);
  }

  /** Put the views of the turns in the order of the tree. */
  arrange() {
    const { order, turns, live, stoppable } = this.store;
    const shown = order.filter(([id]) => turns.has(id));
    const ids = new Set(shown.map(([id]) => id));
    for (const [id, view] of this.views) {
      if (ids.has(id)) continue;
      view.element.remove();
      this.views.delete(id);
    }
    let before;
    order.forEach(([id, siblings], place) => {
      if (!turns.has(id)) return;
      let view = this.views.get(id);
      if (!view) {
        view = new TurnView(this, turns.get(id));
        this.views.set(id, view);
      }
      view.stand(place + 1, siblings, stoppable.includes(id));
      if (live.has(id)) view.grow(live.get(id));
      const next = before ? before.nextSibling : this.inner.firstChild;
      if (next !== view.element) this.inner.insertBefore(view.element, next);
      before = view.element;
    });
  }

  showWaiting() {
    const { waiting, slow } = this.store;
    const known = new Set(waiting.map(({ id }) => id));
    const unheard = [...this.store.asked.entries()]
      .filter(([id, each]) => each.kind === "ask" && slow.includes(each) && !known.has(id))
      .map(([id, { text }]) => ({ id, text, line: "Waiting for the running cell." }));
    const all = [...waiting, ...unheard];
    const told = JSON.stringify(all);
    if (told === this.toldWaiting) return;
    this.toldWaiting = told;
    this.pending.replaceChildren(...all.map((each) => waitingView(this, each)));
  }

  showStatus() {
    const { gone, slow, settings, turns } = this.store;
    const empty = turns.size || this.store.waiting.length ? "" : "Nothing was asked yet.";
    const waits = slow.length ? "Waiting for the running cell." : "";
    const text = gone || waits || settings?.fault || this.said || empty;
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  /** Let a screen reader say something; the last of it stays for a while. */
  speak(text) {
    this.spoken.append(make("p", {}, text));
    while (this.spoken.childElementCount > 4) this.spoken.firstElementChild.remove();
  }

  scrolled() {
    const now = performance.now();
    // A theme that is loaded moves everything, and the reader nothing.
    if (this.isAtEnd && now - this.touchedAt > OWN) return this.toEnd(false);
    if (now - this.touchedAt <= OWN) this.touchedAt = now;
    const { scrollHeight, scrollTop, clientHeight } = this.turns;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.latest.hidden = this.isAtEnd;
  }

  /** Go with the text, unless the reader has scrolled away from its end. */
  toEnd(isAsked) {
    if (isAsked) this.isAtEnd = true;
    if (!this.isAtEnd) return;
    this.scrolling ??= requestAnimationFrame(() => {
      this.scrolling = requestAnimationFrame(() => {
        this.scrolling = undefined;
        if (this.isAtEnd) this.turns.scrollTop = this.turns.scrollHeight;
      });
    });
  }
}

/** The line above: model, effort, system prompt, what it takes. */
class Bar {
  constructor(panel) {
    this.panel = panel;
    const set = (name) => (event) => panel.post("set", { name, value: event.target.value });
    this.model = make("select", { onchange: set("model") });
    this.effort = make("select", { onchange: set("effort") });
    this.system = make("textarea", { rows: "3", onchange: set("system") });
    this.meter = make("meter", { min: "0", max: "1" });
    this.meter.setAttribute("aria-label", "Share of the context that is used");
    this.gauge = make("small", {});
    this.efforts = labelled("Effort", this.effort);
    this.prompt = make(
      "details",
      { class: "sm-system" },
      make("summary", {}, "System prompt"),
      labelled("System prompt", this.system, { hidden: true }),
    );
    this.element = make(
      "header",
      { class: "sm-bar" },
      labelled("Model", this.model),
      this.efforts,
      button("New", () => panel.post("new"), { "aria-label": "Start the conversation afresh" }),
      this.prompt,
      make("span", { class: "sm-gauge" }, this.meter, this.gauge),
    );
  }

  fill(settings) {
    if (!settings) return;
    const { name, branch } = settings;
    this.panel.element.setAttribute("aria-label", `Chat: ${name}, branch ${branch}`);
    if (settings.fault) return;
    const options = (select, words, chosen) => {
      select.replaceChildren(...words.map((word) => make("option", { value: word }, word)));
      select.value = chosen;
    };
    options(this.model, settings.models, settings.model);
    options(this.effort, settings.efforts, settings.effort);
    this.efforts.hidden = !settings.efforts.length;
    if (this.system !== document.activeElement) this.system.value = settings.system;
    this.meter.value = settings.share;
    this.gauge.textContent = settings.gauge;
  }
}

/**
 * Puts panels where the kernel has put transcripts of the conversation. An output with a
 * transcript alone is what is saved: a page without the kernel has nothing broken in it.
 */
class Places {
  constructor(store, place) {
    this.store = store;
    this.kept = document.getElementsByClassName(`sm-for-${place}`);
    this.views = new WeakMap();
    this.observer = new MutationObserver(() => this.look());
    this.observer.observe(document.body, { childList: true, subtree: true });
    this.look();
  }

  look() {
    // Cells that are out of sight are taken out of the page, and come back.
    for (const view of this.store.views) {
      if (!view.element.isConnected) this.store.views.delete(view);
    }
    for (const transcript of this.kept) this.open(transcript);
  }

  open(transcript) {
    const output = transcript.closest(".jp-OutputArea-output");
    if (!output) return;
    let view = this.views.get(output);
    if (!view) {
      const box = make("div", { class: "jp-OutputArea-output" });
      output.before(box);
      output.classList.add("sm-kept");
      view = new PanelView(this.store, box);
      this.views.set(output, view);
    } else if (!this.store.views.has(view)) {
      view.refresh();
    }
    this.store.views.add(view);
  }

  stop() {
    this.observer.disconnect();
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

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
      const unwatch = watchKernel(model, store);
      model.on("msg:custom", (message) => store.receive(message));
      store.post("ready");
      const places = new Places(store, model.get("place"));
      return () => {
        places.stop();
        unwatch();
        store.clear();
      };
    },
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
