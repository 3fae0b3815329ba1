// What is there before the first question: a greeting, and what to begin with; or why there is none.

import { h } from "./dom.js";
import { errorCard } from "./error_card.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

const IDEAS = ["Explain", "Write", "Translate", "Code"];

/** `actions` has suggest(text) and reconnect(). */
export function emptyView(models, actions) {
  const { error, chosen } = models;
  const greeting = h("h1", { text: t("greeting") });
  const mark = h("div", { class: "empty-mark" }, icon("mark"));
  if (error) {
    const body = error.kind === "key" ? h("p", { class: "empty-lead", text: t("keyFirst") }) : errorCard(error, actions.reconnect);
    return h("div", { class: "empty" }, mark, greeting, body);
  }
  const lead = chosen ? t("lead", { model: chosen }) : t("connecting");
  const ideas = IDEAS.map((name) => h(
    "button", { class: "idea", type: "button", onclick: () => actions.suggest(t(`idea${name}Text`)) },
    h("strong", { text: t(`idea${name}`) }), h("span", { text: t(`idea${name}Text`) }),
  ));
  return h("div", { class: "empty" }, mark, greeting, h("p", { class: "empty-lead", text: lead }), h("div", { class: "ideas" }, ...ideas));
}
