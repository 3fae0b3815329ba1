// The pictures of a question that was asked, and one of them in full.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { iconButton } from "./icons.js";

/** Make the row of a question's pictures; null where it has none. */
export function picturesOf(turn) {
  const urls = turn.pictures ?? [];
  if (urls.length === 0) return null;
  const items = urls.map((url, index) => {
    const name = t("pictureNumber", { number: index + 1 });
    const open = () => openPicture(url, name);
    const label = t("pictureOpen", { number: index + 1 });
    return h("li", {}, h("button", { class: "shown", type: "button", "aria-label": label, title: label, onclick: open }, h("img", { src: url, alt: name })));
  });
  return h("ul", { class: "pictures", "aria-label": t("pictures") }, ...items);
}

function openPicture(url, name) {
  const dialog = byId("picture");
  const close = iconButton("close", "close", () => dialog.close());
  dialog.setAttribute("aria-label", name);
  dialog.replaceChildren(h("img", { src: url, alt: name }), close);
  dialog.showModal();
}

/** A click beside the picture closes it, and what is closed holds no picture. */
export function startPictureView() {
  const dialog = byId("picture");
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.replaceChildren());
}
