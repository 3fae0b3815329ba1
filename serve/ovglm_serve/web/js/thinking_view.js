// What a model thought before its answer: folded, and open to whoever wants to read it.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

export class ThinkingView {
  constructor() {
    this.label = h("span");
    this.text = h("div", { class: "fold-body thought" });
    const summary = h("summary", {}, icon("thought"), this.label, icon("chevron"));
    this.root = h("details", { class: "fold", hidden: true }, summary, this.text);
  }

  /** Show the thoughts so far; `isThinking` while nothing else has come. */
  show(text, isThinking) {
    this.root.hidden = text === "";
    this.label.textContent = t(isThinking ? "thinks" : "thoughts");
    this.root.classList.toggle("is-busy", isThinking);
    this.text.textContent = text.trim();
  }
}
