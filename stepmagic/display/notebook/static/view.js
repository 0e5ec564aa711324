// Draws an answer while it grows, in a cell's output as in the panel; `patches.py`
// describes the messages. `page.py` puts this before the script of the one or the other.
//
// The state belongs to the model: messages come before there is a view, and a view that
// comes late is painted from the state. All HTML was filtered in the kernel.

const LOST =
  '<p class="sm-waiting"><small>A part did not reach this page. ' +
  "The whole answer will stand here at the end.</small></p>";

// Frozen HTML stays in fragments: to join all of them each frame makes garbage that is
// collected when the answer ends.
const blankPiece = () => ({ around: "", summary: "", frozen: [], open: "" });

/** What a page knows of an answer before any message. */
export const blankState = () => ({ seq: -1, lost: false, pieces: [], line: "" });

/** Take a message into the state. After a lost one nothing fits, until a whole. */
export function take(state, message) {
  const follows = message.seq === state.seq + 1;
  state.seq = message.seq;
  if (message.whole) Object.assign(state, { lost: false, pieces: [], line: "" });
  else if (!follows) state.lost = true;
  if (state.lost) return;
  for (const change of message.pieces ?? []) {
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
  state.line = message.line ?? state.line;
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** An element that layout does not see. */
function holder() {
  const element = document.createElement("div");
  element.style.display = "contents";
  return element;
}

/** A piece on the page: changes only what differs from what it painted last. */
class PieceView {
  constructor() {
    this.painted = blankPiece();
    this.count = 0;
    this.frozen = holder();
    this.open = holder();
    this.box = holder();
    this.box.append(this.frozen, this.open);
  }

  paint(piece) {
    const { painted } = this;
    if (piece.around !== painted.around) this.enclose(piece.around);
    if (piece.summary !== painted.summary) {
      this.box.querySelector("summary").innerHTML = piece.summary;
    }
    this.paintFrozen(piece.frozen);
    if (piece.open !== painted.open) this.open.innerHTML = piece.open;
    this.painted = { ...piece };
  }

  /** Append what is new; what was said again, in another array, may stand there. */
  paintFrozen(fragments) {
    let added = fragments.slice(this.count).join("");
    if (fragments !== this.painted.frozen) {
      const before = this.painted.frozen.slice(0, this.count).join("");
      added = fragments.join("");
      if (added.startsWith(before)) added = added.slice(before.length);
      else this.frozen.replaceChildren();
    }
    if (added) this.frozen.append(parse(added));
    this.count = fragments.length;
  }

  /** Move what is painted into new surroundings; what the reader opened stays open. */
  enclose(around) {
    const box = parse(around).firstElementChild ?? holder();
    if (this.box.open) box.open = true;
    (box.querySelector("blockquote") ?? box).append(this.frozen, this.open);
    this.box.replaceWith(box);
    this.box = box;
    this.painted.summary = "";
  }
}

/** An answer in one output. */
class View {
  constructor(element, state) {
    this.state = state;
    this.pieces = [];
    this.root = document.createElement("div");
    this.root.className = "sm-reply sm-live";
    // A screen reader would read each frame; it reads the answer when it is whole.
    this.root.setAttribute("aria-live", "off");
    this.root.setAttribute("aria-busy", "true");
    this.line = holder();
    this.root.append(this.line);
    // The look of HTML in the outputs of JupyterLab and Notebook 7.
    element.classList.add("jp-RenderedHTMLCommon", "jp-RenderedHTML");
    element.append(this.root);
    this.paint();
  }

  /** Paint with the next frame of the browser, once for all messages until then. */
  paintSoon() {
    this.request ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.request = undefined;
    const { pieces, line, lost } = this.state;
    while (this.pieces.length > pieces.length) this.pieces.pop().box.remove();
    while (this.pieces.length < pieces.length) {
      const piece = new PieceView();
      this.line.before(piece.box);
      this.pieces.push(piece);
    }
    this.pieces.forEach((view, place) => view.paint(pieces[place]));
    const below = lost ? LOST : line;
    if (below !== this.below) this.line.innerHTML = this.below = below;
  }
}
