// Where a question is written: its text, its attachments, its preview.

import { button, isSendKey, labelled, make, replyBox, uniqueId } from "./elements.js";

/** @import { PanelView } from "./chat.js" */

/**
 * What was entered, apart from the text.
 * @typedef {{names: Set<string>, uploads: File[], error: boolean}} Attached
 */

/** Bytes of all uploads of a question; a message to the kernel takes 10 MB. */
const MOST_UPLOADED = 8_000_000;

const MOST_OFFERED = 8;

export class Composer {
  /** @type {Set<string>} */
  names = new Set();
  /** @type {File[]} */
  uploads = [];
  /** Whether the last error is attached. */
  error = false;
  /** What was typed of the name that is being completed. */
  prefix = "";
  chosen = 0;

  /** @param {PanelView} panel */
  constructor(panel) {
    this.panel = panel;
    this.text = make("textarea", {
      rows: "2",
      placeholder: "Ask. Enter sends, Shift+Enter breaks the line, @ attaches a variable.",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      role: "combobox",
    });
    this.list = make("ul", { class: "sm-list", role: "listbox", hidden: true });
    this.list.id = uniqueId("list");
    this.list.setAttribute("aria-label", "Names to attach");
    this.text.setAttribute("aria-controls", this.list.id);
    this.chips = make("ul", { class: "sm-chips", "aria-label": "Attached", hidden: true });
    this.file = make("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
    this.file.setAttribute("aria-label", "Files to attach");
    this.picker = make("div", { class: "sm-picker", role: "group", hidden: true });
    this.picker.setAttribute("aria-label", "Variables of the notebook");
    this.preview = make("div", { class: "sm-preview", role: "region", tabindex: "0", hidden: true });
    this.preview.setAttribute("aria-label", "What would be sent");
    this.attachButton = button("Attach", () => this.togglePicker(), { "aria-expanded": "false" });
    this.previewButton = button("Preview", () => this.togglePreview(), {
      "aria-expanded": "false",
    });
    // It stays in place; a button below the answer would move away with each line.
    this.stopButton = button("Stop", () => panel.stop(), { hidden: true });
    this.stopButton.classList.add("sm-stop");
    this.submit = make("button", { type: "submit", class: "sm-button sm-send" }, "Send");
    this.element = make(
      "form",
      { class: "sm-composer", "aria-label": "Question" },
      this.preview,
      this.picker,
      this.chips,
      labelled("Question", this.text, { hidden: true }),
      this.list,
      make(
        "div",
        { class: "sm-actions" },
        this.attachButton,
        button("Upload", () => this.file.click()),
        this.file,
        this.previewButton,
        this.stopButton,
        this.submit,
      ),
    );
    this.listen();
  }

  listen() {
    this.text.addEventListener("keydown", (event) => this.pressed(event));
    this.text.addEventListener("input", () => this.complete());
    this.text.addEventListener("blur", () => this.closeList());
    this.text.addEventListener("focus", () => this.stayInView());
    this.file.addEventListener("change", () => {
      this.upload([...(this.file.files ?? [])]);
      this.file.value = "";
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.element.addEventListener("paste", (event) => this.paste(event));
    const { element } = this.panel;
    element.addEventListener("dragover", (event) => event.preventDefault());
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.upload([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** Keep the composer in view, with its buttons, while it has the focus. */
  stayInView() {
    if (!this.element.contains(document.activeElement)) return;
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const options = /** @type {HTMLElement[]} */ ([...this.list.children]);
    const isOpen = !this.list.hidden && options.length > 0;
    if (isOpen && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose((this.chosen + step + options.length) % options.length);
    } else if (isOpen && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) {
      event.preventDefault();
      this.insert(options[this.chosen].dataset.name ?? "");
    } else if (isOpen && event.key === "Escape") {
      event.stopPropagation();
      this.closeList();
    } else if (isSendKey(event)) {
      event.preventDefault();
      this.send();
    }
  }

  // Completion of `@name`.

  complete() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const prefix = /(?:^|[^\w`@.])@([\p{L}_]?[\p{L}\p{N}_]*)$/u.exec(before)?.[1];
    if (prefix === undefined) return this.closeList();
    const found = this.panel.store.variables.filter(({ name }) =>
      name.toLowerCase().startsWith(prefix.toLowerCase()),
    );
    if (!found.length) return this.closeList();
    this.prefix = prefix;
    this.list.replaceChildren(
      ...found.slice(0, MOST_OFFERED).map(({ name, about }, place) =>
        make(
          "li",
          {
            role: "option",
            id: `${this.list.id}-${place}`,
            "data-name": name,
            onmousedown: (event) => {
              event.preventDefault();
              this.insert(name);
            },
          },
          make("code", {}, name),
          ` ${about}`,
        ),
      ),
    );
    this.list.hidden = false;
    this.text.setAttribute("aria-expanded", "true");
    this.choose(0);
  }

  /** @param {number} place */
  choose(place) {
    this.chosen = place;
    [...this.list.children].forEach((option, at) => {
      option.setAttribute("aria-selected", String(at === place));
    });
    this.text.setAttribute("aria-activedescendant", `${this.list.id}-${place}`);
  }

  /** @param {string} name */
  insert(name) {
    const at = this.text.selectionStart;
    this.text.setRangeText(`${name} `, at - this.prefix.length, at, "end");
    this.closeList();
  }

  closeList() {
    this.list.hidden = true;
    this.text.setAttribute("aria-expanded", "false");
    this.text.removeAttribute("aria-activedescendant");
  }

  // Attachments.

  /** @param {ClipboardEvent} event */
  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.upload(files);
  }

  /** @param {File[]} files */
  upload(files) {
    let size = this.uploads.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      size += file.size;
      if (size > MOST_UPLOADED) {
        this.panel.announce(
          `${file.name} is too large to upload: the files of a question may have 8 MB. ` +
            "Put it in the folder of the notebook, and attach it in a cell.",
        );
        break;
      }
      this.uploads.push(file);
    }
    this.showChips();
  }

  showChips() {
    for (const each of this.chips.querySelectorAll("img")) URL.revokeObjectURL(each.src);
    const items = [...this.names].map((name) => this.chip(name, () => this.names.delete(name)));
    for (const file of this.uploads) {
      const remove = () => this.uploads.splice(this.uploads.indexOf(file), 1);
      const isImage = file.type.startsWith("image/");
      const picture = isImage ? URL.createObjectURL(file) : undefined;
      items.push(this.chip(file.name, remove, picture));
    }
    if (this.error) items.push(this.chip("the last error", () => (this.error = false)));
    this.chips.replaceChildren(...items);
    this.chips.hidden = !items.length;
    this.fillPicker();
  }

  /**
   * @param {string} name
   * @param {() => void} remove
   * @param {string} [picture]
   */
  chip(name, remove, picture) {
    const act = () => {
      remove();
      this.showChips();
      this.text.focus();
    };
    return make(
      "li",
      { class: "sm-chip" },
      picture ? make("img", { src: picture, alt: "" }) : null,
      make("span", {}, name),
      button("×", act, { "aria-label": `Remove ${name}` }),
    );
  }

  togglePicker() {
    this.picker.hidden = !this.picker.hidden;
    this.attachButton.setAttribute("aria-expanded", String(!this.picker.hidden));
    if (this.picker.hidden) return;
    this.fillPicker();
    this.panel.request("variables");
  }

  /** Show what can be attached, if the picker is open. */
  fillPicker() {
    if (this.picker.hidden) return;
    const active = document.activeElement;
    const isHere = active instanceof HTMLElement && this.picker.contains(active);
    const focused = isHere ? active.dataset.name : undefined;
    const rows = this.panel.store.variables.map(({ name, about, picture }) => {
      const set = (/** @type {boolean} */ isOn) =>
        void (isOn ? this.names.add(name) : this.names.delete(name));
      return this.pickerRow({ name, about, picture, isOn: this.names.has(name), set });
    });
    const set = (/** @type {boolean} */ isOn) => void (this.error = isOn);
    const last = { name: "last error", about: "with its cell", isOn: this.error, set };
    this.picker.replaceChildren(...rows, this.pickerRow(last));
    if (focused === undefined) return;
    const again = this.picker.querySelector(`[data-name="${CSS.escape(focused)}"]`);
    if (again instanceof HTMLElement) again.focus();
  }

  /**
   * @param {{
   *   name: string, about: string, picture?: string,
   *   isOn: boolean, set: (isOn: boolean) => void
   * }} row
   */
  pickerRow({ name, about, picture, isOn, set }) {
    const box = make("input", {
      type: "checkbox",
      "data-name": name,
      onchange: () => {
        set(box.checked);
        this.showChips();
      },
    });
    box.checked = isOn;
    return make(
      "label",
      { class: "sm-variable" },
      box,
      picture ? make("img", { src: picture, alt: "" }) : null,
      make("code", {}, name),
      make("small", {}, about),
    );
  }

  // Sending.

  /**
   * Show or hide the stop button; the focus never stays on a hidden button.
   * @param {boolean} isShown
   */
  showStop(isShown) {
    if (!isShown && this.stopButton === document.activeElement) this.text.focus();
    this.stopButton.hidden = !isShown;
  }

  /** @returns {Promise<[Record<string, any>, ArrayBuffer[]]>} */
  async content() {
    const { error } = this;
    const text = this.text.value;
    const names = [...this.names];
    const uploads = this.uploads.map((file) => file.name);
    const buffers = await Promise.all(this.uploads.map((file) => file.arrayBuffer()));
    return [{ text, names, error, uploads }, buffers];
  }

  get isEmpty() {
    const { names, uploads, error } = this;
    return !this.text.value.trim() && !names.size && !uploads.length && !error;
  }

  async send() {
    if (this.isEmpty || this.panel.store.ended) return;
    const content = await this.content();
    const text = this.text.value;
    const { names, uploads, error } = this;
    this.fill("", { names: new Set(), uploads: [], error: false });
    const { kind } = await this.panel.request("ask", ...content);
    // A question that could not be sent returns, unless another one was begun.
    if (kind === "failed" && this.isEmpty) this.fill(text, { names, uploads, error });
  }

  /**
   * @param {string} text
   * @param {Attached} attached
   */
  fill(text, attached) {
    Object.assign(this, attached);
    this.text.value = text;
    this.closePreview();
    this.showChips();
  }

  /** @param {string} text */
  putBack(text) {
    if (!this.text.value.trim()) this.text.value = text;
    this.text.focus();
  }

  async togglePreview() {
    if (!this.preview.hidden) return this.closePreview();
    const response = await this.panel.request("preview", ...(await this.content()));
    if (response.kind !== "done") return;
    this.preview.replaceChildren(replyBox(`<div class="sm-reply">${response.html}</div>`));
    this.preview.hidden = false;
    this.previewButton.setAttribute("aria-expanded", "true");
    this.preview.focus();
  }

  closePreview() {
    this.preview.hidden = true;
    this.previewButton.setAttribute("aria-expanded", "false");
  }
}
