// Elements of the panel. What comes from a model goes in as HTML that the kernel has
// filtered, always inside `.sm-reply`; all other text goes in as text.

/** An element with attributes, listeners (`onclick`) and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const button = (text, act, attributes = {}) =>
  make("button", { type: "button", class: "sm-button", onclick: act, ...attributes }, text);

let count = 0;
/** An id that no other element of the page has. */
const fresh = (name) => `sm-${name}-${(count += 1)}-${Math.random().toString(36).slice(2)}`;

/** A control with its label; the label can be for screen readers alone. */
function labelled(text, control, { hidden = false } = {}) {
  control.id ||= fresh("control");
  const label = make("label", { for: control.id, class: hidden ? "sm-unseen" : false }, text);
  return make("span", { class: "sm-field" }, label, control);
}

/** A box for HTML of the kernel, with JupyterLab's look of such HTML. */
function replyBox(html) {
  const box = make("div", { class: "jp-RenderedHTMLCommon jp-RenderedHTML" });
  box.innerHTML = html;
  // What scrolls must be within reach of the keyboard.
  for (const pre of box.querySelectorAll("pre")) pre.tabIndex = 0;
  return box;
}

/** Put text on the clipboard, also where the page may not ask for it. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "sm-unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
