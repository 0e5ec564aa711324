// The turns of a conversation as they stand in its tree.

/** One turn: what was asked, what was sent along, the answer, what can be done. */
class TurnView {
  constructor(panel, form) {
    this.panel = panel;
    this.asked = make("div", { class: "sm-asked" });
    this.sent = make("div", { class: "sm-sent-along" });
    this.answer = make("div", { class: "sm-answer" });
    this.bar = make("div", { class: "sm-turn-bar", role: "group", "aria-label": "This turn" });
    this.element = make(
      "article",
      { class: "sm-turn", "data-turn": form.id },
      make("h3", { class: "sm-who" }, form.cell ? "You, in a cell" : "You"),
      this.asked,
      this.sent,
      this.answer,
      this.bar,
    );
    this.take(form);
  }

  /** Take a newer state of the turn. */
  take(form) {
    this.form = form;
    this.asked.replaceChildren(form.asked);
    this.sent.replaceChildren(...(form.sent ? [replyBox(`<div class="sm-reply">${form.sent}</div>`)] : []));
    const opened = [...this.answer.querySelectorAll("details")].map((each) => each.open);
    this.answer.replaceChildren();
    this.live = undefined;
    if (form.html) {
      const box = replyBox(form.html);
      this.answer.append(box);
      box.querySelectorAll("details").forEach((each, place) => {
        each.open = opened[place] ?? false;
      });
      if (form.status !== "running") addUses(this.panel, box, form);
    }
    this.fillBar();
  }

  /** Show the answer as it stands while it grows. */
  grow(state) {
    if (this.form.status !== "running" || this.form.html) return;
    if (!this.live) {
      const box = make("div");
      this.answer.replaceChildren(box);
      this.live = new View(box, state);
    }
    this.live.paintSoon();
  }

  /** Say where it stands. */
  stand(number, siblings, stoppable) {
    const told = JSON.stringify([number, siblings, stoppable]);
    if (told === this.told) return;
    Object.assign(this, { told, number, siblings, stoppable });
    this.element.setAttribute("aria-label", `Turn ${number}`);
    this.fillBar();
  }

  fillBar() {
    const { form, panel, siblings = [], stoppable } = this;
    const isRunning = form.status === "running";
    const items = [];
    if (siblings.length > 1) items.push(this.switcher(siblings));
    if (isRunning && !stoppable) {
      const said = "Asked by a cell: the notebook's stop button stops it.";
      items.push(make("small", {}, said));
    } else if (!isRunning) {
      const text = async () => (await panel.post("copy", { turn: form.id })).text;
      const uses = new Uses(panel, { turn: form.id, what: "reply", said: "the reply", text });
      items.push(
        button("Edit", () => this.edit()),
        button("Regenerate", () => panel.post("again", { turn: form.id, text: form.asked })),
        uses.element,
      );
    }
    this.bar.replaceChildren(...items);
  }

  switcher(siblings) {
    const at = siblings.indexOf(this.form.id);
    const go = (step) => () => this.panel.post("switch", { turn: siblings[at + step] });
    const of = `${at + 1} of ${siblings.length}`;
    return make(
      "span",
      { class: "sm-switch", role: "group", "aria-label": `Version ${of}` },
      button("‹", go(-1), { "aria-label": "Previous version", disabled: at < 1 }),
      make("span", {}, `${at + 1} / ${siblings.length}`),
      button("›", go(1), { "aria-label": "Next version", disabled: at === siblings.length - 1 }),
    );
  }

  edit() {
    const area = make("textarea", { rows: "3" });
    area.value = this.form.asked;
    const close = () => this.asked.replaceChildren(this.form.asked);
    const send = async () => {
      const told = await this.panel.post("edit", { turn: this.form.id, text: area.value });
      if (told.kind === "done") close();
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      else if (isSend(event)) {
        event.preventDefault();
        send();
      }
    });
    this.asked.replaceChildren(
      labelled("Edit the question", area, { hidden: true }),
      make("div", { class: "sm-turn-bar" }, button("Send anew", send), button("Cancel", close)),
    );
    area.focus();
  }
}

/** Whether a key press sends: Enter alone, and not one that ends a composed letter. */
const isSend = (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing;

/** A question that is no turn: it waits, or there was no answer. */
function waitingView(panel, { id, text, line, fault }) {
  const said = fault || line || "Asking ...";
  const act = fault
    ? [
        button("Put back", () => {
          panel.composer.putBack(text);
          panel.post("dismiss", { what: id });
        }),
        button("Dismiss", () => panel.post("dismiss", { what: id })),
      ]
    : [button("Stop", () => panel.post("stop", { what: id }))];
  return make(
    "article",
    { class: `sm-turn ${fault ? "sm-failed" : "sm-pending"}`, "aria-label": "Not answered" },
    make("h3", { class: "sm-who" }, "You"),
    make("div", { class: "sm-asked" }, text),
    make("p", { class: "sm-line" }, said),
    make("div", { class: "sm-turn-bar" }, ...act),
  );
}
