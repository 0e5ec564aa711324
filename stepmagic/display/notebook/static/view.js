// Draws an answer while it is streaming, in a cell's output and in the panel;
// `patches.py` describes the messages, `assets.py` joins the modules.
//
// The state belongs to the model: messages arrive before there is a view, and a view that
// is created later is painted from the state. All HTML was sanitized in the kernel.

/**
 * The model of a widget, as far as anywidget and the front ends let us see it.
 * @typedef {object} WidgetModel
 * @property {(name: string) => any} get
 * @property {(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]) => void} send
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {any} [widget_manager]
 */

/**
 * A piece of an answer: a text, a block of reasoning, a tool call.
 * Frozen HTML stays in fragments: joining all of them in each frame would make garbage
 * that is collected when the answer ends.
 * @typedef {{around: string, summary: string, frozen: string[], open: string}} Piece
 */

/**
 * What a page knows of an answer.
 * @typedef {{seq: number, lost: boolean, pieces: Piece[], line: string}} AnswerState
 */

/**
 * What changed in a piece.
 * @typedef {object} PieceChange
 * @property {number} at
 * @property {string} [around]
 * @property {string} [summary]
 * @property {boolean} [restart]
 * @property {string} [frozen]
 * @property {number} [keep]
 * @property {string} [tail]
 */

/**
 * A message of `patches.py`.
 * @typedef {object} Patch
 * @property {number} seq
 * @property {boolean} [complete]
 * @property {PieceChange[]} [pieces]
 * @property {string} [line]
 */

const LOST_TEXT =
  '<p class="sm-waiting"><small>A part did not reach this page. ' +
  "The complete answer will appear here at the end.</small></p>";

/** @returns {Piece} */
const blankPiece = () => ({ around: "", summary: "", frozen: [], open: "" });

/**
 * What a page knows of an answer before any message.
 * @returns {AnswerState}
 */
export const blankState = () => ({ seq: -1, lost: false, pieces: [], line: "" });

/**
 * Apply a message to the state. After a lost message no patch fits, until a complete one.
 * @param {AnswerState} state
 * @param {Patch} patch
 */
export function applyPatch(state, patch) {
  const follows = patch.seq === state.seq + 1;
  state.seq = patch.seq;
  if (patch.complete) Object.assign(state, { lost: false, pieces: [], line: "" });
  else if (!follows) state.lost = true;
  if (state.lost) return;
  for (const change of patch.pieces ?? []) {
    while (state.pieces.length <= change.at) state.pieces.push(blankPiece());
    const piece = state.pieces[change.at];
    if (change.around !== undefined) {
      Object.assign(piece, blankPiece(), { around: change.around });
    }
    if (change.restart) Object.assign(piece, { frozen: [], open: "" });
    piece.summary = change.summary ?? piece.summary;
    if (change.frozen) piece.frozen.push(change.frozen);
    if (change.tail !== undefined) {
      piece.open = piece.open.slice(0, change.keep) + change.tail;
    }
  }
  state.line = patch.line ?? state.line;
}

/** @param {string} html */
function parseHtml(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** An element that layout ignores. */
function layoutless() {
  const element = document.createElement("div");
  element.style.display = "contents";
  return element;
}

/** A piece on the page: changes only what differs from what it painted last. */
class PieceView {
  /** @type {Piece} */
  painted = blankPiece();
  frozenCount = 0;
  frozen = layoutless();
  open = layoutless();
  /** @type {Element} */
  box = layoutless();

  constructor() {
    this.box.append(this.frozen, this.open);
  }

  /** @param {Piece} piece */
  paint(piece) {
    const { painted } = this;
    if (piece.around !== painted.around) this.enclose(piece.around);
    if (piece.summary !== painted.summary) {
      const summary = this.box.querySelector("summary");
      if (summary) summary.innerHTML = piece.summary;
    }
    this.paintFrozen(piece.frozen);
    if (piece.open !== painted.open) this.open.innerHTML = piece.open;
    this.painted = { ...piece };
  }

  /**
   * Append what is new. A complete message repeats the fragments in another array: what
   * is on the page already stays there.
   * @param {string[]} fragments
   */
  paintFrozen(fragments) {
    let added = fragments.slice(this.frozenCount).join("");
    if (fragments !== this.painted.frozen) {
      const before = this.painted.frozen.slice(0, this.frozenCount).join("");
      added = fragments.join("");
      if (added.startsWith(before)) added = added.slice(before.length);
      else this.frozen.replaceChildren();
    }
    if (added) this.frozen.append(parseHtml(added));
    this.frozenCount = fragments.length;
  }

  /**
   * Move what is painted into new surroundings; what the reader opened stays open.
   * @param {string} around
   */
  enclose(around) {
    const box = parseHtml(around).firstElementChild ?? layoutless();
    if (this.box.hasAttribute("open")) box.setAttribute("open", "");
    (box.querySelector("blockquote") ?? box).append(this.frozen, this.open);
    this.box.replaceWith(box);
    this.box = box;
    this.painted.summary = "";
  }
}

/** An answer in one output. */
export class AnswerView {
  /** @type {PieceView[]} */
  pieces = [];
  root = document.createElement("div");
  line = layoutless();
  /** @type {string | undefined} */
  paintedLine;
  /** @type {number | undefined} */
  frameRequest;

  /**
   * @param {Element} element
   * @param {AnswerState} state
   */
  constructor(element, state) {
    this.state = state;
    this.root.className = "sm-reply sm-live";
    // A screen reader would read each frame; it reads the answer when it is complete.
    this.root.setAttribute("aria-live", "off");
    this.root.setAttribute("aria-busy", "true");
    this.root.append(this.line);
    // The look of HTML in the outputs of JupyterLab and Notebook 7.
    element.classList.add("jp-RenderedHTMLCommon", "jp-RenderedHTML");
    element.append(this.root);
    this.paint();
  }

  /** Paint with the next frame of the browser, once for all messages until then. */
  paintSoon() {
    this.frameRequest ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frameRequest = undefined;
    const { pieces, line, lost } = this.state;
    while (this.pieces.length > pieces.length) this.pieces.pop()?.box.remove();
    while (this.pieces.length < pieces.length) {
      const piece = new PieceView();
      this.line.before(piece.box);
      this.pieces.push(piece);
    }
    this.pieces.forEach((view, place) => view.paint(pieces[place]));
    const below = lost ? LOST_TEXT : line;
    if (below !== this.paintedLine) this.line.innerHTML = this.paintedLine = below;
  }
}
