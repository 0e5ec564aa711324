// Where in the page the panels stand.

/**
 * Puts panels where the kernel has put transcripts of the conversation. An output with a
 * transcript alone is what is saved: a page without the kernel has nothing broken in it.
 */
class Places {
  constructor(store, place) {
    this.store = store;
    this.kept = `.sm-for-${place}`;
    this.views = new WeakMap();
    this.observer = new MutationObserver((changes) => this.look(changes));
    this.observer.observe(document.body, { childList: true, subtree: true });
    this.openIn(document.body);
  }

  /** Look at what is new alone: a page changes with each word, and may be large. */
  look(changes) {
    // Cells that are out of sight are taken out of the page, and come back.
    for (const view of this.store.views) {
      if (!view.element.isConnected) this.store.views.delete(view);
    }
    for (const { addedNodes, target } of changes) {
      if (!addedNodes.length || target.closest(".sm-panel")) continue;
      for (const node of addedNodes) if (node instanceof Element) this.openIn(node);
    }
  }

  openIn(element) {
    if (element.matches(this.kept)) this.open(element);
    for (const transcript of element.querySelectorAll(this.kept)) this.open(transcript);
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
