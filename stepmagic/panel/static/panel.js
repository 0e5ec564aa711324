// The panel: what it shows of the store, one panel a view; nothing is drawn on a guess.

/** Pixels from the end within which the reader counts as reading the end. */
const NEAR_END = 48;

/** Ms after a wheel, a key or a touch in which scrolling is the reader's own. */
const OWN = 1000;

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
    // Within the frame that draws what is new. A theme, a width or an image that comes
    // late moves the end too.
    this.sizes = new ResizeObserver((changes) => {
      this.stayAtEnd();
      // A panel that grows would push out of sight what is written below it.
      if (changes.some(({ target }) => target === this.element)) this.composer.stayInView();
    });
    for (const each of [this.inner, this.turns, this.element]) this.sizes.observe(each);
    this.latest = button("Go to the end", () => this.toEnd(), { hidden: true });
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

  /** Stop the answers that were asked for here. */
  stop() {
    for (const turn of this.store.stoppable) this.post("stop", { what: turn });
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
    this.composer.showStop(store.stoppable.length > 0 && !store.gone);
    if (kinds.has("gone")) this.element.toggleAttribute("data-gone", Boolean(store.gone));
    this.composer.submit.disabled = Boolean(store.gone);
    this.showStatus();
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
    if (this.isAtEnd && now - this.touchedAt > OWN) return this.stayAtEnd();
    if (now - this.touchedAt <= OWN) this.touchedAt = now;
    const { scrollHeight, scrollTop, clientHeight } = this.turns;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.latest.hidden = this.isAtEnd;
  }

  /** Go with the text, unless the reader has scrolled away from its end. */
  stayAtEnd() {
    if (this.isAtEnd) this.turns.scrollTop = this.turns.scrollHeight;
  }

  toEnd() {
    this.isAtEnd = true;
    this.latest.hidden = true;
    this.stayAtEnd();
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
