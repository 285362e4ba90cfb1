// Elements from text that is always text: nothing here, or anywhere in these
// modules, parses a string as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Return the element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element.
 *
 * `properties` are attributes, but for `text` (its text), `data` (dataset entries) and
 * `on` (event listeners). Null and false attributes are left out. Children are nodes
 * or text; null children are left out.
 */
export function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Make an SVG element; as `make`. */
export function makeSvg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Replace the children of an element. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter(isChild));
}

function fill(element, { text, data, on, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const [name, value] of Object.entries(data ?? {})) element.dataset[name] = value;
  for (const [name, listener] of Object.entries(on ?? {})) {
    element.addEventListener(name, listener);
  }
  if (text != null) element.textContent = text;
  element.append(...children.flat().filter(isChild));
  return element;
}

const isChild = (child) => child != null && child !== false;
