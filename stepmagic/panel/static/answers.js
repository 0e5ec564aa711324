// What can be done with an answer, its code and its tables: copy them, or bind them to
// names.

import { button, copyText, labelled, make } from "./elements.js";

/** @import { PanelView } from "./chat.js" */
/** @import { Turn } from "./store.js" */

/**
 * What the buttons of a `ResultBar` act on.
 * @typedef {object} Result
 * @property {string} turn
 * @property {"reply" | "code" | "table"} what
 * @property {number} [number]
 * @property {string} label
 * @property {() => string | Promise<string | undefined>} text
 */

/**
 * A table as Markdown.
 * @param {HTMLTableElement} table
 */
function tableMarkdown(table) {
  const cell = (/** @type {HTMLElement} */ each) =>
    each.innerText.trim().replaceAll("|", "\\|").replaceAll("\n", "<br>");
  const rows = [...table.rows].map((row) => `| ${[...row.cells].map(cell).join(" | ")} |`);
  const rule = [...(table.rows[0]?.cells ?? [])].map((each) =>
    each.style.textAlign === "right" ? "--:" : "---",
  );
  rows.splice(1, 0, `| ${rule.join(" | ")} |`);
  return rows.join("\n");
}

/** Buttons that copy a result and bind it to a name, with the form for the name. */
export class ResultBar {
  /** @type {HTMLFormElement | undefined} */
  form;
  /** @type {string | undefined} */
  refusedName;

  /**
   * @param {PanelView} panel
   * @param {Result} result
   */
  constructor(panel, result) {
    this.panel = panel;
    this.result = result;
    this.copyButton = button("Copy", () => this.copy(), {
      "aria-label": `Copy ${result.label}`,
    });
    this.bindButton = button("Bind", () => this.toggleForm(), {
      "aria-label": `Bind ${result.label} to a name`,
      "aria-expanded": "false",
    });
    this.element = make("span", { class: "sm-uses" }, this.copyButton, this.bindButton);
  }

  async copy() {
    const text = await this.result.text();
    if (text === undefined) return;
    await copyText(text);
    this.panel.announce(`Copied ${this.result.label}.`);
  }

  toggleForm() {
    if (this.form) return this.closeForm();
    const name = make("input", { type: "text", size: "12", spellcheck: "false" });
    const form = make(
      "form",
      { class: "sm-bind", onsubmit: (event) => this.submit(event, name) },
      labelled("Name", name),
      make("button", { type: "submit", class: "sm-button" }, "Bind"),
      button("Cancel", () => this.closeForm()),
    );
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.closeForm();
      if (event.key !== "Enter" || event.target !== name) return;
      // JupyterLab prevents the browser's own submission.
      event.preventDefault();
      form.requestSubmit();
    });
    this.form = form;
    this.element.append(form);
    this.bindButton.setAttribute("aria-expanded", "true");
    name.focus();
  }

  closeForm() {
    this.form?.remove();
    this.form = undefined;
    this.bindButton.setAttribute("aria-expanded", "false");
    this.bindButton.focus();
  }

  /**
   * @param {SubmitEvent} event
   * @param {HTMLInputElement} input
   */
  async submit(event, input) {
    event.preventDefault();
    const { turn, what, number = 0 } = this.result;
    const name = input.value;
    const replace = this.refusedName === name;
    const fields = { turn, what, number, name, replace };
    const { kind } = await this.panel.request("bind", fields);
    this.refusedName = kind === "failed" ? name : undefined;
    if (kind === "done") this.closeForm();
  }
}

/**
 * Put a `ResultBar` below each code block and table of an answer.
 * @param {PanelView} panel
 * @param {HTMLElement} box
 * @param {Turn} turn
 */
export function addResultBars(panel, box, turn) {
  const outside = (/** @type {Iterable<HTMLElement>} */ elements) =>
    [...elements].filter((each) => !each.closest("details"));
  const codes = outside(/** @type {Iterable<HTMLElement>} */ (box.querySelectorAll(".sm-code")));
  codes.forEach((block, number) => {
    const label = codes.length > 1 ? `code ${number + 1}` : "the code";
    const text = () => block.querySelector("code")?.textContent ?? "";
    const bar = new ResultBar(panel, { turn: turn.id, what: "code", number, label, text });
    // The page counts indented blocks, the kernel does not.
    if (codes.length !== turn.code_languages.length) bar.bindButton.remove();
    block.after(bar.element);
  });
  const tables = outside(box.querySelectorAll("table"));
  tables.forEach((table, number) => {
    const label = tables.length > 1 ? `table ${number + 1}` : "the table";
    const text = () => tableMarkdown(/** @type {HTMLTableElement} */ (table));
    const bar = new ResultBar(panel, { turn: turn.id, what: "table", number, label, text });
    bar.bindButton.textContent = "Bind as DataFrame";
    table.after(bar.element);
  });
}
