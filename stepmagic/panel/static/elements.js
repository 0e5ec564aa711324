// Building blocks of the page. HTML of a model is sanitized by the kernel, and is always
// inside `.sm-reply`; all other text is inserted as text.

/** @typedef {string | number | boolean | ((event: any) => void) | null | undefined} Attribute */
/** @typedef {Record<string, Attribute>} Attributes */
/** @typedef {Node | string | null | undefined} Child */

/**
 * An element with attributes, listeners (`onclick`) and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child != null) element.append(child);
  return element;
}

/**
 * @param {string} text
 * @param {() => void} act
 * @param {Attributes} attributes
 */
export const button = (text, act, attributes = {}) =>
  make("button", { type: "button", class: "sm-button", onclick: act, ...attributes }, text);

let idCount = 0;

/**
 * An id that no other element of the page has.
 * @param {string} name
 */
export const uniqueId = (name) =>
  `sm-${name}-${(idCount += 1)}-${Math.random().toString(36).slice(2)}`;

/**
 * A control with its label, which may be for screen readers only.
 * @param {string} text
 * @param {HTMLElement} control
 * @param {{hidden?: boolean}} options
 */
export function labelled(text, control, { hidden = false } = {}) {
  control.id ||= uniqueId("control");
  const kind = hidden ? "sm-visually-hidden" : false;
  const label = make("label", { for: control.id, class: kind }, text);
  return make("span", { class: "sm-field" }, label, control);
}

/**
 * A box for HTML of the kernel, with JupyterLab's look of such HTML.
 * @param {string} html
 */
export function replyBox(html) {
  const box = make("div", { class: "jp-RenderedHTMLCommon jp-RenderedHTML" });
  box.innerHTML = html;
  // What scrolls must be within reach of the keyboard.
  for (const pre of box.querySelectorAll("pre")) pre.tabIndex = 0;
  return box;
}

/**
 * Whether a key press sends: Enter without Shift, which does not end a composed character.
 * @param {KeyboardEvent} event
 */
export const isSendKey = (event) =>
  event.key === "Enter" && !event.shiftKey && !event.isComposing;

/**
 * Put text on the clipboard, also where the page has no permission for the clipboard API.
 * @param {string} text
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "sm-visually-hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
