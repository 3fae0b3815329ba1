// A question that is being changed. What came after it goes when it is sent.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { PictureTray } from "./picture_tray.js";
import { growWithText, isSendKey } from "./text_area.js";

/** Make the editor: its element, and a function that puts the cursor into it. */
export function questionEditor({ text, pictures = [] }, { send, cancel }) {
  const tray = new PictureTray(() => {}, pictures);
  const area = h("textarea", { value: text, "aria-label": t("editQuestion"), rows: 1 });
  const onsubmit = (event) => {
    event.preventDefault();
    if (area.value.trim() || tray.count) send(area.value, tray.urls);
  };
  const buttons = h(
    "div", { class: "editor-end" },
    h("span", { class: "hint", text: t("editHint") }),
    h("button", { class: "button is-quiet", type: "button", text: t("cancel"), onclick: cancel }),
    h("button", { class: "button", type: "submit", text: t("sendAgain") }),
  );
  const root = h("form", { class: "turn editor", onsubmit }, tray.root, area, buttons);
  area.addEventListener("keydown", (event) => {
    if (isSendKey(event)) {
      event.preventDefault();
      root.requestSubmit();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      cancel();
    }
  });
  growWithText(area);
  const focus = () => {
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    area.dispatchEvent(new Event("input"));
  };
  return { root, focus };
}
