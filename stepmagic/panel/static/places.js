// Where in the page the panels are.

import { PanelView } from "./chat.js";
import { make } from "./elements.js";

/** @import { Store } from "./store.js" */

/**
 * Puts panels where the kernel has put transcripts of the conversation. Only outputs with
 * transcripts are saved: a page without the kernel shows them, and nothing is broken.
 */
export class Places {
  /** @type {WeakMap<Element, PanelView>} */
  views = new WeakMap();

  /**
   * @param {Store} store
   * @param {string} place
   */
  constructor(store, place) {
    this.store = store;
    this.selector = `.sm-for-${place}`;
    this.observer = new MutationObserver((changes) => this.check(changes));
    this.observer.observe(document.body, { childList: true, subtree: true });
    this.openIn(document.body);
  }

  /**
   * Check only what is new: a page changes with each token, and may be large.
   * @param {MutationRecord[]} changes
   */
  check(changes) {
    // Front ends remove cells that are out of sight from the page, and insert them again.
    for (const view of this.store.views) {
      if (!view.element.isConnected) this.store.views.delete(view);
    }
    for (const { addedNodes, target } of changes) {
      if (!addedNodes.length) continue;
      if (target instanceof Element && target.closest(".sm-panel")) continue;
      for (const node of addedNodes) if (node instanceof Element) this.openIn(node);
    }
  }

  /** @param {Element} element */
  openIn(element) {
    if (element.matches(this.selector)) this.open(element);
    for (const transcript of element.querySelectorAll(this.selector)) this.open(transcript);
  }

  /** @param {Element} transcript */
  open(transcript) {
    const output = transcript.closest(".jp-OutputArea-output");
    if (!output) return;
    let view = this.views.get(output);
    if (!view) {
      const box = make("div", { class: "jp-OutputArea-output" });
      output.before(box);
      output.classList.add("sm-replaced");
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
