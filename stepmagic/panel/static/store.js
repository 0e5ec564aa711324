// What a page knows of a conversation: all of it was received in messages of the kernel,
// which `server.py` describes.

import { applyPatch, blankState } from "../../display/notebook/static/view.js";
import { uniqueId } from "./elements.js";

/** @import { AnswerState, WidgetModel } from "../../display/notebook/static/view.js" */

/**
 * A turn, as `views.py` describes it.
 * @typedef {object} Turn
 * @property {string} id
 * @property {string} question
 * @property {string} attachments
 * @property {string} status
 * @property {boolean} from_cell
 * @property {string} answer
 * @property {string[]} code_languages
 */

/**
 * A question that has no turn.
 * @typedef {object} Waiting
 * @property {string} id
 * @property {string} text
 * @property {string} status
 * @property {string} [fault]
 */

/** @typedef {{name: string, kind: string, about: string, picture?: string}} Variable */

/**
 * The settings of the conversation.
 * @typedef {object} Settings
 * @property {string} name
 * @property {string} branch
 * @property {string} fault
 * @property {string} model
 * @property {string[]} models
 * @property {string} effort
 * @property {string[]} efforts
 * @property {string} system
 * @property {string} gauge
 * @property {number} share
 */

/** @typedef {{kind: string} & Record<string, any>} Part */

/**
 * A request that the kernel has not responded to.
 * @typedef {object} Pending
 * @property {string} kind
 * @property {string} [text]
 * @property {(response: Part) => void} resolve
 * @property {ReturnType<typeof setTimeout>} timer
 * @property {number} at
 */

/** @typedef {{update(kinds: Set<string>, parts: Part[]): void, element: HTMLElement}} View */

/** Ms after which the page says that a request is waiting for the running cell. */
const PATIENCE_MS = 400;

export class Store {
  /** @type {Set<View>} */
  views = new Set();
  /** @type {Map<string, Pending>} */
  pending = new Map();
  seq = -1;
  /** Why this kernel will send nothing more. */
  ended = "";
  /** @type {[string, string[]][]} */
  order = [];
  /** @type {Map<string, Turn>} */
  turns = new Map();
  /** @type {Map<string, AnswerState>} */
  live = new Map();
  /** @type {Waiting[]} */
  waiting = [];
  /** @type {string[]} */
  stoppable = [];
  /** @type {Variable[]} */
  variables = [];
  /** @type {Settings | undefined} */
  settings;

  /** @param {WidgetModel} model */
  constructor(model) {
    this.model = model;
  }

  clear() {
    this.order = [];
    this.turns = new Map();
    this.live = new Map();
    this.waiting = [];
    this.stoppable = [];
    this.variables = [];
    this.settings = undefined;
  }

  /**
   * Send a request to the kernel; resolves with the response.
   * @param {string} kind
   * @param {Record<string, any>} fields
   * @param {ArrayBuffer[]} buffers
   * @returns {Promise<Part>}
   */
  request(kind, fields = {}, buffers = []) {
    const id = uniqueId("message");
    if (this.ended) return Promise.resolve({ kind: "failed", message: this.ended });
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.changed(["slow"]), PATIENCE_MS);
      this.pending.set(id, { kind, text: fields.text, resolve, timer, at: Date.now() });
      this.model.send({ kind, id, ...fields }, undefined, buffers);
    });
  }

  /** Requests that have waited for longer than a kernel needs that is not busy. */
  get slow() {
    return [...this.pending.values()].filter(({ at }) => Date.now() - at >= PATIENCE_MS);
  }

  /** @param {{seq: number, complete: boolean, parts: Part[]}} message */
  receive({ seq, complete, parts }) {
    if (complete) this.clear();
    else if (seq !== this.seq + 1) this.request("ready");
    this.seq = seq;
    const changed = new Set(complete ? ["complete"] : []);
    for (const part of parts) {
      this.apply(part);
      changed.add(part.kind);
    }
    this.changed([...changed], parts);
  }

  /** @param {Part} part */
  apply(part) {
    // A response can have variables too.
    if (part.variables) this.variables = part.variables;
    switch (part.kind) {
      case "order":
        this.order = part.order;
        break;
      case "waiting":
        this.waiting = part.waiting;
        break;
      case "stoppable":
        this.stoppable = part.stoppable;
        break;
      case "settings":
        this.settings = part.settings;
        break;
      case "turns":
        for (const turn of part.turns) this.applyTurn(turn);
        break;
      case "patch": {
        const state = this.live.get(part.turn);
        if (state) applyPatch(state, part.patch);
        break;
      }
      case "done":
      case "failed":
        this.respond(part);
    }
  }

  /** @param {Turn} turn */
  applyTurn(turn) {
    this.turns.set(turn.id, turn);
    if (turn.status !== "running") this.live.delete(turn.id);
    else if (!this.live.has(turn.id)) this.live.set(turn.id, blankState());
  }

  /** @param {Part} response */
  respond(response) {
    const pending = this.pending.get(response.id);
    this.pending.delete(response.id);
    clearTimeout(pending?.timer);
    pending?.resolve(response);
  }

  /**
   * @param {string[]} kinds
   * @param {Part[]} parts
   */
  changed(kinds, parts = []) {
    for (const view of this.views) view.update(new Set(kinds), parts);
  }

  /**
   * Note that this kernel will send nothing more.
   * @param {string} message
   */
  end(message) {
    if (this.ended) return;
    this.ended = message;
    for (const { resolve, timer } of this.pending.values()) {
      clearTimeout(timer);
      resolve({ kind: "failed", message });
    }
    this.pending.clear();
    this.changed(["ended"]);
  }
}

const RESTARTED = "The kernel was restarted. Run the cell of this panel to open it again.";
const DEAD = "The kernel has stopped. Start it, and run the cell of this panel again.";

/**
 * End a store when its kernel ends; front ends differ in which signals they have.
 * @param {WidgetModel} model
 * @param {Store} store
 */
export function watchKernel(model, store) {
  const kernel = model.widget_manager?.kernel;
  const checkStatus = () => {
    const status = kernel?.status;
    if (status === "dead" || status === "terminating") store.end(DEAD);
    else if (/restarting/.test(status ?? "")) store.end(RESTARTED);
  };
  kernel?.statusChanged?.connect(checkStatus);
  kernel?.disposed?.connect(() => store.end(DEAD));
  model.on("comm_live_update", () => {
    checkStatus();
    store.end(RESTARTED);
  });
  model.on("comm:close", () => store.end(DEAD));
  return () => kernel?.statusChanged?.disconnect(checkStatus);
}
