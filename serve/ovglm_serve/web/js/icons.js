// Line icons on a grid of 24 by 24, drawn for this page.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const PATHS = {
  mark: "M17.2 8.2A7 7 0 1 0 19 12 M12 12h.01",
  plus: "M12 5v14 M5 12h14",
  picture: "M4.5 5h15v14h-15z M4.5 16.2l4.3-4.2 4.2 4.2 2.2-2 4.3 3.8 M15.4 9.2h.01",
  sidebar: "M4.5 5h15v14h-15z M9.5 5v14",
  sliders: "M4 8h7.4 M16.6 8H20 M14 5.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2 M4 16h3.4 M12.6 16H20 M10 13.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2",
  download: "M12 4v11 M7.5 10.5 12 15l4.5-4.5 M5 19.5h14",
  upload: "M12 15V4 M7.5 8.5 12 4l4.5 4.5 M5 19.5h14",
  help: "M9.2 9.2a2.9 2.9 0 1 1 4.3 2.5c-1 .6-1.5 1.1-1.5 2.1 M12 17.2h.01 M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17",
  send: "M12 19V5 M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  down: "M12 5v14 M6 13l6 6 6-6",
  copy: "M9 9h10v10H9z M15 9V5H5v10h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  retry: "M19 12a7 7 0 1 1-2.2-5.1 M19 4v4h-4",
  edit: "M5 19l1-4L16 5l3 3L9 18l-4 1z",
  bin: "M5 7h14 M10 7V4.5h4V7 M7 7l.8 12.5h8.4L17 7",
  close: "M6 6l12 12 M18 6L6 18",
  sun: "M12 8.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6 M12 3v1.6 M12 19.4V21 M3 12h1.6 M19.4 12H21 M5.6 5.6l1.2 1.2 M17.2 17.2l1.2 1.2 M18.4 5.6l-1.2 1.2 M6.8 17.2l-1.2 1.2",
  moon: "M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z",
  system: "M4 5.5h16v10.5H4z M9 20h6 M12 16v4",
  chevron: "M9 6l6 6-6 6",
  tool: "M9 5c-2 0-2.5 1-2.5 2.5V10c0 1-.7 2-2 2 1.3 0 2 1 2 2v2.5C6.5 18 7 19 9 19 M15 5c2 0 2.5 1 2.5 2.5V10c0 1 .7 2 2 2-1.3 0-2 1-2 2v2.5c0 1.5-.5 2.5-2.5 2.5",
  thought: "M12 4a6 6 0 0 0-3.5 10.9c.6.5.9 1.1.9 1.8v.3h5.2v-.3c0-.7.3-1.3.9-1.8A6 6 0 0 0 12 4 M10 20.5h4",
  alert: "M12 4.5 3.5 19.5h17z M12 10v4.5 M12 17h.01",
  key: "M8.5 11.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7 M11 12.5l8-8 M16 7.5l2.5 2.5",
};
const SVG = "http://www.w3.org/2000/svg";

/** Draw an icon; screen readers pass over it. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}

/** Give an element an icon in the place of the one it has. */
export function setIcon(node, name) {
  node.querySelector(".icon")?.remove();
  node.prepend(icon(name));
}

/** Make a button that is an icon with a name for those who cannot see it. */
export function iconButton(name, label, onclick) {
  const attributes = { class: "icon-button", type: "button", "aria-label": t(label), title: t(label) };
  return h("button", { ...attributes, onclick }, icon(name));
}
