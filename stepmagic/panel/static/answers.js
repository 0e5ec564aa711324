// What can be done with an answer: copy it, its code, its tables; bind them to names.

/** A table as Markdown. */
function tableMarkdown(table) {
  const cell = (each) => each.innerText.trim().replaceAll("|", "\\|").replaceAll("\n", "<br>");
  const rows = [...table.rows].map((row) => `| ${[...row.cells].map(cell).join(" | ")} |`);
  const rule = [...(table.rows[0]?.cells ?? [])].map((each) =>
    each.style.textAlign === "right" ? "--:" : "---",
  );
  rows.splice(1, 0, `| ${rule.join(" | ")} |`);
  return rows.join("\n");
}

/** Buttons that copy something and bind it to a name, with the form for the name. */
class Uses {
  constructor(panel, { turn, what, number = 0, said, text }) {
    Object.assign(this, { panel, turn, what, number, said, text });
    this.copy = button("Copy", () => this.copyIt(), { "aria-label": `Copy ${said}` });
    this.bind = button("Bind", () => this.open(), {
      "aria-label": `Bind ${said} to a name`,
      "aria-expanded": "false",
    });
    this.element = make("span", { class: "sm-uses" }, this.copy, this.bind);
  }

  async copyIt() {
    const text = await this.text();
    if (text === undefined) return;
    await copyText(text);
    this.panel.say(`Copied ${this.said}.`);
  }

  open() {
    if (this.form) return this.close();
    const name = make("input", { type: "text", size: "12", spellcheck: "false" });
    this.form = make(
      "form",
      { class: "sm-bind", onsubmit: (event) => this.submit(event, name) },
      labelled("Name", name),
      make("button", { type: "submit", class: "sm-button" }, "Bind"),
      button("Cancel", () => this.close()),
    );
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      if (event.key !== "Enter" || event.target !== name) return;
      // JupyterLab keeps it from submitting by itself.
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.element.append(this.form);
    this.bind.setAttribute("aria-expanded", "true");
    name.focus();
  }

  close() {
    this.form?.remove();
    this.form = undefined;
    this.bind.setAttribute("aria-expanded", "false");
    this.bind.focus();
  }

  async submit(event, name) {
    event.preventDefault();
    const { turn, what, number } = this;
    const replace = this.refused === name.value;
    const told = await this.panel.post("bind", { turn, what, number, name: name.value, replace });
    this.refused = told.kind === "failed" ? name.value : undefined;
    if (told.kind === "done") this.close();
  }
}

/** Put the uses of each block of an answer below it. */
function addUses(panel, box, form) {
  const outside = (selector) =>
    [...box.querySelectorAll(selector)].filter((each) => !each.closest("details"));
  const codes = outside(".sm-code");
  codes.forEach((block, number) => {
    const said = codes.length > 1 ? `code ${number + 1}` : "the code";
    const text = () => block.querySelector("code").textContent;
    const uses = new Uses(panel, { turn: form.id, what: "code", number, said, text });
    // An indented block counts here and not in the kernel.
    if (codes.length !== form.codes.length) uses.bind.remove();
    block.after(uses.element);
  });
  const tables = outside("table");
  tables.forEach((table, number) => {
    const said = tables.length > 1 ? `table ${number + 1}` : "the table";
    const text = () => tableMarkdown(table);
    const uses = new Uses(panel, { turn: form.id, what: "table", number, said, text });
    uses.bind.textContent = "Bind as DataFrame";
    table.after(uses.element);
  });
}
