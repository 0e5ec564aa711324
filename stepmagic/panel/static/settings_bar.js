// The bar at the top: model, effort, system prompt, how full the context is.

import { button, labelled, make } from "./elements.js";

/** @import { PanelView } from "./chat.js" */
/** @import { Settings } from "./store.js" */

export class SettingsBar {
  /** @param {PanelView} panel */
  constructor(panel) {
    this.panel = panel;
    const set = (/** @type {string} */ name) => (/** @type {any} */ event) => {
      panel.request("set", { name, value: event.target.value });
    };
    this.model = make("select", { onchange: set("model") });
    this.effort = make("select", { onchange: set("effort") });
    this.system = make("textarea", { rows: "3", onchange: set("system") });
    this.meter = make("meter", { min: "0", max: "1" });
    this.meter.setAttribute("aria-label", "Share of the context that is used");
    this.gauge = make("small");
    this.efforts = labelled("Effort", this.effort);
    this.element = make(
      "header",
      { class: "sm-bar" },
      labelled("Model", this.model),
      this.efforts,
      button("New", () => panel.request("new"), { "aria-label": "Start a new conversation" }),
      make(
        "details",
        { class: "sm-system" },
        make("summary", {}, "System prompt"),
        labelled("System prompt", this.system, { hidden: true }),
      ),
      make("span", { class: "sm-gauge" }, this.meter, this.gauge),
    );
  }

  /** @param {Settings | undefined} settings */
  fill(settings) {
    if (!settings) return;
    const { name, branch } = settings;
    this.panel.element.setAttribute("aria-label", `Chat: ${name}, branch ${branch}`);
    if (settings.fault) return;
    fillSelect(this.model, settings.models, settings.model);
    fillSelect(this.effort, settings.efforts, settings.effort);
    this.efforts.hidden = !settings.efforts.length;
    if (this.system !== document.activeElement) this.system.value = settings.system;
    this.meter.value = settings.share;
    this.gauge.textContent = settings.gauge;
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} options
 * @param {string} chosen
 */
function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map((each) => make("option", { value: each }, each)));
  select.value = chosen;
}
