// The turns of a conversation.

import { AnswerView } from "../../display/notebook/static/view.js";
import { ResultBar, addResultBars } from "./answers.js";
import { button, isSendKey, labelled, make, replyBox } from "./elements.js";

/** @import { AnswerState } from "../../display/notebook/static/view.js" */
/** @import { PanelView } from "./chat.js" */
/** @import { Turn, Waiting } from "./store.js" */

/** One turn: the question, its attachments, the answer, what can be done. */
export class TurnView {
  /** @type {AnswerView | undefined} */
  live;
  /** @type {string[]} */
  siblings = [];
  isStoppable = false;
  placement = "";

  /**
   * @param {PanelView} panel
   * @param {Turn} turn
   */
  constructor(panel, turn) {
    this.panel = panel;
    this.turn = turn;
    this.question = make("div", { class: "sm-question" });
    this.attachments = make("div", { class: "sm-attachments" });
    this.answer = make("div", { class: "sm-answer" });
    this.bar = make("div", { class: "sm-turn-bar", role: "group", "aria-label": "This turn" });
    this.element = make(
      "article",
      { class: "sm-turn", "data-turn": turn.id },
      make("h3", { class: "sm-author" }, turn.from_cell ? "You, in a cell" : "You"),
      this.question,
      this.attachments,
      this.answer,
      this.bar,
    );
    this.update(turn);
  }

  /**
   * Draw a newer version of the turn.
   * @param {Turn} turn
   */
  update(turn) {
    this.turn = turn;
    this.question.replaceChildren(turn.question);
    this.attachments.replaceChildren();
    if (turn.attachments) {
      this.attachments.append(replyBox(`<div class="sm-reply">${turn.attachments}</div>`));
    }
    const opened = [...this.answer.querySelectorAll("details")].map((each) => each.open);
    this.answer.replaceChildren();
    this.live = undefined;
    if (turn.answer) {
      const box = replyBox(turn.answer);
      this.answer.append(box);
      box.querySelectorAll("details").forEach((each, place) => {
        each.open = opened[place] ?? false;
      });
      if (turn.status !== "running") addResultBars(this.panel, box, turn);
    }
    this.fillBar();
  }

  /**
   * Draw the answer so far.
   * @param {AnswerState | undefined} state
   */
  stream(state) {
    if (!state || this.turn.status !== "running" || this.turn.answer) return;
    if (!this.live) {
      const box = make("div");
      this.answer.replaceChildren(box);
      this.live = new AnswerView(box, state);
    }
    this.live.paintSoon();
  }

  /**
   * Set its number, its versions, and whether it can be stopped here.
   * @param {number} number
   * @param {string[]} siblings
   * @param {boolean} isStoppable
   */
  place(number, siblings, isStoppable) {
    const placement = JSON.stringify([number, siblings, isStoppable]);
    if (placement === this.placement) return;
    Object.assign(this, { placement, siblings, isStoppable });
    this.element.setAttribute("aria-label", `Turn ${number}`);
    this.fillBar();
  }

  fillBar() {
    const { turn, panel, siblings, isStoppable } = this;
    const isRunning = turn.status === "running";
    this.bar.replaceChildren();
    if (siblings.length > 1) this.bar.append(this.switcher(siblings));
    if (isRunning && !isStoppable) {
      const text = "Asked in a cell: the notebook's stop button stops it.";
      this.bar.append(make("small", {}, text));
    } else if (!isRunning) {
      const text = async () => (await panel.request("copy", { turn: turn.id })).text;
      const reply = new ResultBar(panel, { turn: turn.id, what: "reply", label: "the reply", text });
      const regenerate = { turn: turn.id, text: turn.question };
      this.bar.append(
        button("Edit", () => this.edit()),
        button("Regenerate", () => panel.request("regenerate", regenerate)),
        reply.element,
      );
    }
  }

  /** @param {string[]} siblings */
  switcher(siblings) {
    const at = siblings.indexOf(this.turn.id);
    const go = (/** @type {number} */ step) => () =>
      void this.panel.request("switch", { turn: siblings[at + step] });
    const last = siblings.length - 1;
    return make(
      "span",
      { class: "sm-switch", role: "group", "aria-label": `Version ${at + 1} of ${last + 1}` },
      button("‹", go(-1), { "aria-label": "Previous version", disabled: at < 1 }),
      make("span", {}, `${at + 1} / ${last + 1}`),
      button("›", go(1), { "aria-label": "Next version", disabled: at === last }),
    );
  }

  edit() {
    const area = make("textarea", { rows: "3" });
    area.value = this.turn.question;
    const close = () => this.question.replaceChildren(this.turn.question);
    const send = async () => {
      const fields = { turn: this.turn.id, text: area.value };
      const { kind } = await this.panel.request("edit", fields);
      if (kind === "done") close();
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      else if (isSendKey(event)) {
        event.preventDefault();
        send();
      }
    });
    this.question.replaceChildren(
      labelled("Edit the question", area, { hidden: true }),
      make("div", { class: "sm-turn-bar" }, button("Send again", send), button("Cancel", close)),
    );
    area.focus();
  }
}

/**
 * A question without a turn: it is waiting, or there was no answer.
 * @param {PanelView} panel
 * @param {Waiting} question
 */
export function waitingView(panel, { id, text, status, fault }) {
  const actions = fault
    ? [
        button("Put back", () => {
          panel.composer.putBack(text);
          panel.request("dismiss", { target: id });
        }),
        button("Dismiss", () => panel.request("dismiss", { target: id })),
      ]
    : [button("Stop", () => panel.request("stop", { target: id }))];
  return make(
    "article",
    { class: `sm-turn ${fault ? "sm-failed" : "sm-pending"}`, "aria-label": "Not answered" },
    make("h3", { class: "sm-author" }, "You"),
    make("div", { class: "sm-question" }, text),
    make("p", { class: "sm-line" }, fault || status || "Asking ..."),
    make("div", { class: "sm-turn-bar" }, ...actions),
  );
}
