// The models of the server, the one that is chosen, and what is known about it.

import { listModels } from "./api.js";
import { byId, h } from "./dom.js";
import { formatNumber, t } from "./i18n.js";

const AGAIN_MS = 3000;
const STATES = { unloaded: "stateUnloaded", loading: "stateLoading", restarting: "stateLoading", down: "stateDown" };

/** `actions` has key(), chosen(id), changed() and failed(error). */
export class Models {
  constructor(actions) {
    this.actions = actions;
    this.select = byId("model");
    this.facts = byId("facts");
    this.all = [];
    this.chosen = null;
    this.error = null;
    this.timer = null;
    this.known = null;
    this.select.addEventListener("change", () => {
      this.choose(this.select.value);
      actions.chosen(this.chosen);
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** What the server says about the chosen model, or an empty object. */
  get current() {
    return this.all.find(({ id }) => id === this.chosen) ?? {};
  }

  /** Whether the server will soon have something else to say. */
  get isChanging() {
    const { state } = this.current;
    return this.error ? this.error.kind !== "key" : state === "loading" || state === "restarting";
  }

  /** Ask the server again, and again later while it does not answer or loads the model. */
  refresh() {
    const asked = this.ask();
    this.known ??= asked;
    return asked;
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), AGAIN_MS);
  }

  async ask() {
    clearTimeout(this.timer);
    try {
      this.all = await listModels(this.actions.key());
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    this.choose(this.chosen);
    if (this.isChanging) this.askSoon();
    if (this.error) this.actions.failed(this.error);
    this.actions.changed();
  }

  /** Choose a model; one that is not there gives way to the first. */
  choose(id) {
    this.chosen = this.all.some((model) => model.id === id) ? id : this.all[0]?.id ?? id;
    this.show();
  }

  show() {
    this.select.replaceChildren(...this.all.map(({ id }) => h("option", { value: id, text: id })));
    this.select.value = this.chosen ?? "";
    this.select.hidden = this.all.length === 0;
    this.select.disabled = this.all.length < 2;
    this.facts.replaceChildren(...this.factTexts().map((text) => h("span", { text })));
    this.facts.title = this.current.why || this.current.device_name || "";
    this.facts.classList.toggle("is-wrong", this.error !== null || this.current.state === "down");
  }

  factTexts() {
    if (this.error) return [t(this.error.kind === "key" ? "error_key" : "offline")];
    const { device, context, recipe, state, vision } = this.current;
    const facts = [device, context && t("context", { count: formatNumber(context) }), recipe, vision && t("takesPictures")];
    if (state in STATES) facts.push(t(STATES[state]));
    return facts.filter(Boolean);
  }
}
