// Elements without HTML text: what is given as text stays text.

const SPECIAL = {
  class: (node, value) => { node.className = value; },
  text: (node, value) => { node.textContent = value; },
  value: (node, value) => { node.value = value; },
};

/** Make an element. `on…` are listeners, `class`, `text` and `value` properties, the rest attributes. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name in SPECIAL) SPECIAL[name](node, value);
    else if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Find the element of an id that index.html promises. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`index.html has no #${id}`);
  return node;
}
