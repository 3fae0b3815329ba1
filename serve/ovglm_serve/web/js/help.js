// What the keys do, and what becomes of the words that are typed here.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { iconButton } from "./icons.js";

const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const KEYS = [
  ["Enter", "keySend"],
  ["Shift+Enter", "keyLine"],
  ["Esc", "keyStop"],
  ["mod+K", "keyNew"],
  ["↑", "keyEdit"],
  ["/", "keyFocus"],
  ["mod+.", "keySettings"],
  ["mod+/", "keyHelp"],
];

/** Write a combination as this system's keyboards have it. */
export function keyName(combination) {
  return combination.replace("mod+", IS_APPLE ? "⌘ " : "Ctrl ").replace("Shift+", IS_APPLE ? "⇧ " : "Shift ");
}

export function openHelp() {
  const dialog = byId("help");
  const rows = KEYS.map(([keys, text]) => [
    h("dt", {}, h("kbd", { text: keyName(keys) })),
    h("dd", { text: t(text) }),
  ]);
  dialog.replaceChildren(
    h("div", { class: "panel-head" }, h("h2", { id: "help-title", text: t("help") }), iconButton("close", "close", () => dialog.close())),
    h("dl", {}, ...rows.flat()),
    h("p", { class: "hint", text: t("privacy") }),
  );
  if (!dialog.open) dialog.showModal();
}

/** A click beside the dialog closes it. */
export function startHelp() {
  const dialog = byId("help");
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("help-button").addEventListener("click", openHelp);
}
