// Copying to the clipboard, and the button that does it.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { iconButton, setIcon } from "./icons.js";
import { announce } from "./notices.js";

const SHOWN_MS = 1600;

/** Make a button that copies what `text()` gives at that moment. */
export function copyButton(text, label) {
  const button = iconButton("copy", label, async () => {
    await copy(text());
    setIcon(button, "check");
    button.classList.add("is-done");
    announce(t("copied"));
    setTimeout(() => {
      setIcon(button, "copy");
      button.classList.remove("is-done");
    }, SHOWN_MS);
  });
  return button;
}

async function copy(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyOldWay(text);
}

// Over plain http from another machine there is no clipboard API.
function copyOldWay(text) {
  const area = h("textarea", { class: "visually-hidden", value: text, readonly: true });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus();
}
