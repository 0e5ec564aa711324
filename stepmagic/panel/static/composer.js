// Where a question is written: its text, what is attached, its preview.

/** Bytes of all uploads of a question; the way to the kernel carries 10 MB at once. */
const MOST_UPLOADED = 8_000_000;

class Composer {
  constructor(panel) {
    this.panel = panel;
    this.words = new Set();
    this.uploads = [];
    this.error = false;
    this.text = make("textarea", {
      rows: "2",
      placeholder: "Ask. Enter sends, Shift+Enter breaks a line, @ names what to attach.",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      role: "combobox",
    });
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.complete());
    this.text.addEventListener("blur", () => this.closeList());
    this.text.addEventListener("focus", () => this.stayInView());
    this.list = make("ul", { class: "sm-list", role: "listbox", id: fresh("list"), hidden: true });
    this.list.setAttribute("aria-label", "Names to attach");
    this.text.setAttribute("aria-controls", this.list.id);
    this.chips = make("ul", { class: "sm-chips", "aria-label": "Attached", hidden: true });
    this.file = make("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
    this.file.setAttribute("aria-label", "Files to attach");
    this.file.addEventListener("change", () => {
      this.add([...this.file.files]);
      this.file.value = "";
    });
    this.picker = make("div", { class: "sm-picker", role: "group", hidden: true });
    this.picker.setAttribute("aria-label", "What is in the notebook");
    this.preview = make("div", { class: "sm-preview", role: "region", tabindex: "0", hidden: true });
    this.preview.setAttribute("aria-label", "What would be sent");
    this.attach = button("Attach", () => this.togglePicker(), { "aria-expanded": "false" });
    this.look = button("Preview", () => this.togglePreview(), { "aria-expanded": "false" });
    // It stands still, where a button below the answer moves away with each line.
    this.stop = button("Stop", () => panel.stop(), { hidden: true });
    this.stop.classList.add("sm-stop");
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
        this.attach,
        button("Upload", () => this.file.click()),
        this.file,
        this.look,
        this.stop,
        this.submit,
      ),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.element.addEventListener("paste", (event) => this.paste(event));
    panel.element.addEventListener("dragover", (event) => event.preventDefault());
    panel.element.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.add([...event.dataTransfer.files]);
    });
  }

  /** Have all of it in view, its buttons too, while somebody writes. */
  stayInView() {
    if (!this.element.contains(document.activeElement)) return;
    this.element.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const options = [...this.list.children];
    const isOpen = !this.list.hidden && options.length;
    if (isOpen && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.choose((this.chosen + step + options.length) % options.length);
    } else if (isOpen && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) {
      event.preventDefault();
      this.insert(options[this.chosen].dataset.name);
    } else if (isOpen && event.key === "Escape") {
      event.stopPropagation();
      this.closeList();
    } else if (isSend(event)) {
      event.preventDefault();
      this.send();
    }
  }

  // Completion of `@name`.

  complete() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const typed = /(?:^|[^\w`@.])@([\p{L}_]?[\p{L}\p{N}_]*)$/u.exec(before)?.[1];
    const found =
      typed === undefined
        ? []
        : this.panel.store.things.filter(({ name }) =>
            name.toLowerCase().startsWith(typed.toLowerCase()),
          );
    if (!found.length) return this.closeList();
    this.typed = typed;
    this.list.replaceChildren(
      ...found.slice(0, 8).map(({ name, about }, place) =>
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

  choose(place) {
    this.chosen = place;
    [...this.list.children].forEach((option, at) => {
      option.setAttribute("aria-selected", String(at === place));
    });
    this.text.setAttribute("aria-activedescendant", `${this.list.id}-${place}`);
  }

  insert(name) {
    const at = this.text.selectionStart;
    this.text.setRangeText(`${name} `, at - this.typed.length, at, "end");
    this.closeList();
  }

  closeList() {
    this.list.hidden = true;
    this.text.setAttribute("aria-expanded", "false");
    this.text.removeAttribute("aria-activedescendant");
  }

  // What is attached.

  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  add(files) {
    const held = this.uploads.reduce((sum, file) => sum + file.size, 0);
    let size = held;
    for (const file of files) {
      size += file.size;
      if (size > MOST_UPLOADED) {
        this.panel.say(
          `${file.name} is too large to upload: a question takes 8 MB. Put it beside ` +
            "the notebook and attach it in a cell.",
        );
        break;
      }
      this.uploads.push(file);
    }
    this.showChips();
  }

  showChips() {
    const chip = (name, remove, picture) =>
      make(
        "li",
        { class: "sm-chip" },
        picture ? make("img", { src: picture, alt: "" }) : null,
        make("span", {}, name),
        button("×", () => {
          remove();
          this.showChips();
          this.text.focus();
        }, { "aria-label": `Remove ${name}` }),
      );
    this.chips.querySelectorAll("img").forEach((each) => URL.revokeObjectURL(each.src));
    const picture = (file) =>
      file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
    const items = [
      ...[...this.words].map((word) => chip(word, () => this.words.delete(word))),
      ...this.uploads.map((file) =>
        chip(
          file.name,
          () => this.uploads.splice(this.uploads.indexOf(file), 1),
          picture(file),
        ),
      ),
    ];
    if (this.error) items.push(chip("the last error", () => (this.error = false)));
    this.chips.replaceChildren(...items);
    this.chips.hidden = !items.length;
    this.fillPicker();
  }

  togglePicker() {
    this.picker.hidden = !this.picker.hidden;
    this.attach.setAttribute("aria-expanded", String(!this.picker.hidden));
    if (this.picker.hidden) return;
    this.fillPicker();
    this.panel.post("things");
  }

  /** Show what can be attached, if somebody looks. */
  fillPicker() {
    if (this.picker.hidden) return;
    const focused = this.picker.contains(document.activeElement)
      ? document.activeElement.dataset.name
      : undefined;
    const row = (name, about, isOn, set, picture) => {
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
        { class: "sm-thing" },
        box,
        picture ? make("img", { src: picture, alt: "" }) : null,
        make("code", {}, name),
        make("small", {}, about),
      );
    };
    const { things } = this.panel.store;
    this.picker.replaceChildren(
      ...things.map(({ name, about, picture }) =>
        row(
          name,
          about,
          this.words.has(name),
          (on) => (on ? this.words.add(name) : this.words.delete(name)),
          picture,
        ),
      ),
      row("last error", "with its cell", this.error, (on) => (this.error = on)),
    );
    if (focused) this.picker.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  // Sending.

  /** Offer to stop what runs; the keyboard stays where it is of use. */
  showStop(isOffered) {
    if (!isOffered && this.stop === document.activeElement) this.text.focus();
    this.stop.hidden = !isOffered;
  }

  async content() {
    const { words, error } = this;
    const uploads = this.uploads.map((file) => file.name);
    const buffers = await Promise.all(this.uploads.map((file) => file.arrayBuffer()));
    return [{ text: this.text.value, words: [...words], error, uploads }, buffers];
  }

  get isEmpty() {
    const { words, uploads, error } = this;
    return !this.text.value.trim() && !words.size && !uploads.length && !error;
  }

  async send() {
    if (this.isEmpty || this.panel.store.gone) return;
    const content = await this.content();
    const before = this.take();
    const told = await this.panel.post("ask", ...content);
    // What could not be sent comes back, unless something else was begun.
    if (told.kind === "failed" && this.isEmpty) this.give(before);
  }

  take() {
    const { words, uploads, error } = this;
    const taken = { text: this.text.value, words, uploads, error };
    this.give({ text: "", words: new Set(), uploads: [], error: false });
    return taken;
  }

  give({ text, ...attached }) {
    Object.assign(this, attached);
    this.text.value = text;
    this.closePreview();
    this.showChips();
  }

  putBack(text) {
    if (!this.text.value.trim()) this.text.value = text;
    this.text.focus();
  }

  async togglePreview() {
    if (!this.preview.hidden) return this.closePreview();
    const told = await this.panel.post("preview", ...(await this.content()));
    if (told.kind !== "done") return;
    this.preview.replaceChildren(replyBox(`<div class="sm-reply">${told.html}</div>`));
    this.preview.hidden = false;
    this.look.setAttribute("aria-expanded", "true");
    this.preview.focus();
  }

  closePreview() {
    this.preview.hidden = true;
    this.look.setAttribute("aria-expanded", "false");
  }
}
