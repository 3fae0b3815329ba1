// The API key, asked for only after the server has refused to answer without one.

import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { readValue, removeValue, writeValue } from "./storage.js";

const NAME = "key";

/** Keeps the key for this tab, or for this browser where that is wished. */
export class ApiKey {
  constructor(onKey) {
    this.place = byId("key-place");
    this.onKey = onKey;
    this.value = readValue(NAME, null) ?? readValue(NAME, null, "sessionStorage");
    this.wasRefused = false;
  }

  /** Ask for the key; another one than the refused. */
  ask() {
    if (this.place.firstChild) return;
    this.wasRefused = this.value !== null;
    this.show();
    this.place.querySelector("input").focus();
  }

  show() {
    const input = h("input", {
      id: "api-key", type: "password", autocomplete: "off", required: true, spellcheck: "false",
    });
    const keep = h("input", { type: "checkbox" });
    const onsubmit = (event) => {
      event.preventDefault();
      this.take(input.value.trim(), keep.checked);
    };
    const title = t(this.wasRefused ? "keyRefused" : "keyNeeded");
    this.place.replaceChildren(h(
      "form", { class: "key-card", onsubmit },
      h("label", { for: "api-key" }, icon("key"), h("span", { text: title })),
      h("div", { class: "key-line" }, input, h("button", { class: "button", type: "submit", text: t("useKey") })),
      h("label", { class: "hint" }, keep, t("keepKey")),
    ));
  }

  take(value, isKept) {
    if (!value) return;
    this.value = value;
    removeValue(NAME);
    removeValue(NAME, "sessionStorage");
    writeValue(NAME, value, isKept ? "localStorage" : "sessionStorage");
    this.place.replaceChildren();
    this.onKey();
  }

  refreshWords() {
    if (this.place.firstChild) this.show();
  }
}
