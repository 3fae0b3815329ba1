// The place where questions are typed, and the button that sends or stops.

import { byId } from "./dom.js";
import { setLabel } from "./i18n.js";
import { setIcon } from "./icons.js";
import { fit, growWithText, isSendKey } from "./text_area.js";

/** `actions` has send(text), which says whether it took the text, stop() and editLast(). */
export class Composer {
  constructor(actions) {
    this.form = byId("composer");
    this.area = byId("question");
    this.button = byId("send");
    this.actions = actions;
    this.isRunning = false;
    growWithText(this.area);
    this.area.addEventListener("input", () => this.refresh());
    this.area.addEventListener("keydown", (event) => this.onKey(event));
    this.form.addEventListener("submit", (event) => this.onSubmit(event));
    this.form.addEventListener("click", (event) => event.target === this.form && this.focus());
    this.refresh();
  }

  onKey(event) {
    if (isSendKey(event)) {
      event.preventDefault();
      if (!this.isRunning) this.send();
    } else if (event.key === "ArrowUp" && this.area.value === "") {
      event.preventDefault();
      this.actions.editLast();
    }
  }

  onSubmit(event) {
    event.preventDefault();
    if (this.isRunning) this.actions.stop();
    else this.send();
  }

  send() {
    const text = this.area.value.trim();
    if (text && this.actions.send(text)) this.setText("");
  }

  setText(text) {
    this.area.value = text;
    fit(this.area);
    this.refresh();
  }

  setRunning(isRunning) {
    this.isRunning = isRunning;
    this.refresh();
  }

  refresh() {
    setIcon(this.button, this.isRunning ? "stop" : "send");
    setLabel(this.button, this.isRunning ? "stopAnswer" : "send");
    this.button.classList.toggle("is-stop", this.isRunning);
    this.button.disabled = !this.isRunning && this.area.value.trim() === "";
  }

  focus() {
    this.area.focus();
  }
}
