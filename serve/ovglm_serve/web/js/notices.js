// What is said in passing: to screen readers alone, or to all with a button that takes something back.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN_MS = 8000;

/** Have screen readers say a text when they are done with what they are saying. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Show a line for a while; `undo` puts things back. A new line takes the place of the last. */
export function toast(text, undo = null) {
  const place = byId("toasts");
  const line = h("div", { class: "toast" }, h("span", { text }));
  const close = () => line.remove();
  if (undo) {
    const onclick = () => { close(); undo(); };
    line.append(h("button", { class: "text-button", type: "button", text: t("undo"), onclick }));
  }
  place.replaceChildren(line);
  setTimeout(close, SHOWN_MS);
}
