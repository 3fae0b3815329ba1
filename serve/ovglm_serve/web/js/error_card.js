// What went wrong, in words that say what to do next.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** Make a card for an error of the API; `retry` asks again. */
export function errorCard({ kind, detail, retryAfter }, retry) {
  const title = t(`error_${kind}`);
  const hint = kind === "busy" && retryAfter ? t("tryAfter", { seconds: retryAfter }) : t(`hint_${kind}`);
  const again = h("button", { class: "button", type: "button", onclick: retry }, icon("retry"), t("tryAgain"));
  const words = h("div", { class: "error-words" }, h("strong", { text: title }));
  if (detail) words.append(h("p", { class: "error-detail", text: detail }));
  if (hint) words.append(h("p", { class: "hint", text: hint }));
  return h("div", { class: "error-card", role: "alert" }, icon("alert"), words, again);
}
