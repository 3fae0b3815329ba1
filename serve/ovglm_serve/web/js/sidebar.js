// The list of conversations, by day, and the drawer it lies in.

import { byId, h } from "./dom.js";
import { setLabel, t } from "./i18n.js";
import { iconButton } from "./icons.js";
import { readValue, writeValue } from "./storage.js";

const DAY_MS = 86_400_000;
const NARROW = matchMedia("(max-width: 860px)");

/** `actions` has open(id) and remove(id). */
export class Sidebar {
  constructor(actions) {
    this.actions = actions;
    this.shell = byId("shell");
    this.list = byId("conversations");
    byId("open-side").addEventListener("click", () => this.setOpen(true));
    byId("close-side").addEventListener("click", () => this.setOpen(false));
    byId("scrim").addEventListener("click", () => this.setOpen(false));
    NARROW.addEventListener("change", () => this.place());
    this.place();
  }

  get isDrawer() {
    return NARROW.matches;
  }

  get isOpen() {
    return !this.shell.classList.contains("is-side-closed");
  }

  place() {
    this.apply(NARROW.matches ? false : readValue("side", true));
  }

  /** Open or close it, and put the focus where it can go on. */
  setOpen(isOpen) {
    if (!this.isDrawer) writeValue("side", isOpen);
    this.apply(isOpen);
    byId(isOpen ? "close-side" : "open-side").focus();
  }

  apply(isOpen) {
    this.shell.classList.toggle("is-side-closed", !isOpen);
    byId("side").inert = !isOpen;
    byId("main").inert = isOpen && this.isDrawer;
    byId("scrim").hidden = !(isOpen && this.isDrawer);
    byId("open-side").setAttribute("aria-expanded", String(isOpen));
    setLabel(byId("open-side"), "showSide");
  }

  /** After a choice a drawer has done its work. */
  leave() {
    if (this.isDrawer && this.isOpen) this.apply(false);
  }

  show(heads, currentId) {
    const groups = new Map();
    for (const head of heads) {
      const day = dayOf(head.updated);
      if (!groups.has(day)) groups.set(day, []);
      groups.get(day).push(this.itemOf(head, head.id === currentId));
    }
    const parts = [...groups].map(([day, items]) => h(
      "section", {}, h("h2", { text: t(day) }), h("ul", {}, ...items),
    ));
    this.list.replaceChildren(...(parts.length ? parts : [h("p", { class: "hint", text: t("noChats") })]));
  }

  itemOf({ id, title }, isCurrent) {
    const open = h("button", {
      class: "chat-name", type: "button", text: title || t("newChat"), title,
      "aria-current": isCurrent ? "page" : null, onclick: () => this.actions.open(id),
    });
    const remove = iconButton("bin", "deleteChat", () => this.actions.remove(id));
    remove.setAttribute("aria-label", t("deleteNamed", { title }));
    return h("li", { class: isCurrent ? "is-current" : "" }, open, remove);
  }
}

function dayOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return "today";
  return time >= midnight - DAY_MS ? "yesterday" : time >= midnight - 7 * DAY_MS ? "thisWeek" : "earlier";
}
