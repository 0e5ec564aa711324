// One panel: what it shows of the store. Nothing is drawn before the kernel has sent it.

import { Composer } from "./composer.js";
import { button, make } from "./elements.js";
import { SettingsBar } from "./settings_bar.js";
import { TurnView, waitingView } from "./turns.js";

/** @import { Part, Store } from "./store.js" */

/** Pixels from the end within which the reader counts as reading the end. */
const NEAR_END = 48;

/** Ms after a wheel, a key or a touch in which scrolling is the reader's own. */
const USER_SCROLL_MS = 1000;

const WAITING = "Waiting for the running cell.";

export class PanelView {
  /** @type {Map<string, TurnView>} */
  turnViews = new Map();
  isAtEnd = true;
  touchedAt = -USER_SCROLL_MS;
  message = "";
  shownWaiting = "";

  /**
   * @param {Store} store
   * @param {Element} parent
   */
  constructor(store, parent) {
    this.store = store;
    this.element = make("section", { class: "sm-panel", "data-lm-suppress-shortcuts": "true" });
    this.bar = new SettingsBar(this);
    this.turns = make("div", { class: "sm-turns", tabindex: "0", role: "region" });
    this.turns.setAttribute("aria-label", "Conversation");
    this.waiting = make("div");
    this.inner = make("div", {}, this.waiting);
    // In the frame in which the content is drawn. A theme, a width or an image that loads
    // late moves the end too.
    this.sizes = new ResizeObserver((changes) => {
      this.stayAtEnd();
      // A panel that grows would push what is being written below it out of sight.
      if (changes.some(({ target }) => target === this.element)) this.composer.stayInView();
    });
    for (const each of [this.inner, this.turns, this.element]) this.sizes.observe(each);
    this.toEndButton = button("Go to the end", () => this.goToEnd(), { hidden: true });
    this.toEndButton.classList.add("sm-to-end");
    this.status = make("p", { class: "sm-status", role: "status" });
    this.speech = make("div", { class: "sm-visually-hidden", "aria-live": "polite" });
    this.composer = new Composer(this);
    this.element.append(
      this.bar.element,
      make("div", { class: "sm-middle" }, this.turns, this.toEndButton),
      this.status,
      this.speech,
      this.composer.element,
    );
    this.turns.append(this.inner);
    for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      const touch = () => void (this.touchedAt = performance.now());
      this.element.addEventListener(kind, touch, { passive: true });
    }
    this.turns.addEventListener("scroll", () => this.scrolled(), { passive: true });
    parent.append(this.element);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.routeKey(event);
    window.addEventListener("keydown", this.onKey, true);
    this.refresh();
  }

  remove() {
    window.removeEventListener("keydown", this.onKey, true);
    this.sizes.disconnect();
    this.element.remove();
  }

  /** Draw everything again. */
  refresh() {
    this.update(new Set(["complete", "ended"]), []);
  }

  /**
   * Leave the application its shortcut for saving; all other keys are for the panel.
   * @param {KeyboardEvent} event
   */
  routeKey(event) {
    const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    this.element.toggleAttribute("data-lm-suppress-shortcuts", !isSave);
  }

  /**
   * Send a request, and show the message of the response.
   * @param {string} kind
   * @param {Record<string, any>} [fields]
   * @param {ArrayBuffer[]} [buffers]
   */
  request(kind, fields, buffers) {
    const response = this.store.request(kind, fields, buffers);
    response.then(({ message }) => message && this.announce(message));
    return response;
  }

  /** Stop the answers to the questions that were asked here. */
  stop() {
    for (const target of this.store.stoppable) this.request("stop", { target });
  }

  /** @param {string} message */
  announce(message) {
    this.message = message;
    this.showStatus();
  }

  /**
   * @param {Set<string>} kinds
   * @param {Part[]} parts
   */
  update(kinds, parts) {
    const { store } = this;
    const hasAny = (/** @type {string[]} */ ...names) => names.some((name) => kinds.has(name));
    if (kinds.has("complete")) {
      for (const view of this.turnViews.values()) view.element.remove();
      this.turnViews.clear();
    }
    for (const part of parts) this.apply(part);
    if (hasAny("complete", "order", "turns", "stoppable")) this.arrange();
    if (hasAny("complete", "settings")) this.bar.fill(store.settings);
    if (hasAny("complete", "variables", "done")) this.composer.fillPicker();
    if (hasAny("complete", "waiting", "slow", "done", "failed")) this.showWaiting();
    this.composer.showStop(store.stoppable.length > 0 && !store.ended);
    if (kinds.has("ended")) this.element.toggleAttribute("data-ended", Boolean(store.ended));
    this.composer.submit.disabled = Boolean(store.ended);
    this.showStatus();
  }

  /** @param {Part} part */
  apply(part) {
    if (part.kind === "turns") {
      for (const turn of part.turns) this.turnViews.get(turn.id)?.update(turn);
    } else if (part.kind === "patch") {
      this.turnViews.get(part.turn)?.stream(this.store.live.get(part.turn));
    } else if (part.kind === "speech") this.speak(part.text);
    else if (part.kind === "fault") this.announce(part.message);
  }

  /** Put the views of the turns in the order of the turns. */
  arrange() {
    const { order, turns, live, stoppable } = this.store;
    const ids = new Set(order.map(([id]) => id).filter((id) => turns.has(id)));
    for (const [id, view] of this.turnViews) {
      if (ids.has(id)) continue;
      view.element.remove();
      this.turnViews.delete(id);
    }
    /** @type {Element | undefined} */
    let before;
    order.forEach(([id, siblings], place) => {
      const turn = turns.get(id);
      if (!turn) return;
      let view = this.turnViews.get(id);
      if (!view) {
        view = new TurnView(this, turn);
        this.turnViews.set(id, view);
      }
      view.place(place + 1, siblings, stoppable.includes(id));
      view.stream(live.get(id));
      const next = before ? before.nextSibling : this.inner.firstChild;
      if (next !== view.element) this.inner.insertBefore(view.element, next);
      before = view.element;
    });
  }

  showWaiting() {
    const { waiting, slow, pending } = this.store;
    const known = new Set(waiting.map(({ id }) => id));
    const unread = [...pending.entries()]
      .filter(([id, each]) => each.kind === "ask" && slow.includes(each) && !known.has(id))
      .map(([id, { text = "" }]) => ({ id, text, status: WAITING }));
    const all = [...waiting, ...unread];
    const shown = JSON.stringify(all);
    if (shown === this.shownWaiting) return;
    this.shownWaiting = shown;
    this.waiting.replaceChildren(...all.map((each) => waitingView(this, each)));
  }

  showStatus() {
    const { ended, slow, settings, turns, waiting } = this.store;
    const empty = turns.size || waiting.length ? "" : "Nothing was asked yet.";
    const busy = slow.length ? WAITING : "";
    const text = ended || busy || settings?.fault || this.message || empty;
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  /**
   * Have a screen reader read a text; the last ones stay for a while.
   * @param {string} text
   */
  speak(text) {
    this.speech.append(make("p", {}, text));
    while (this.speech.childElementCount > 4) this.speech.firstElementChild?.remove();
  }

  scrolled() {
    const now = performance.now();
    // Loading a theme scrolls too; that is not the reader.
    if (this.isAtEnd && now - this.touchedAt > USER_SCROLL_MS) return this.stayAtEnd();
    if (now - this.touchedAt <= USER_SCROLL_MS) this.touchedAt = now;
    const { scrollHeight, scrollTop, clientHeight } = this.turns;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.toEndButton.hidden = this.isAtEnd;
  }

  /** Follow the text, unless the reader has scrolled away from its end. */
  stayAtEnd() {
    if (this.isAtEnd) this.turns.scrollTop = this.turns.scrollHeight;
  }

  goToEnd() {
    this.isAtEnd = true;
    this.toEndButton.hidden = true;
    this.stayAtEnd();
  }
}
