// The settings beside the conversation: system prompt, sampling, thinking and tools.

import { byId, h } from "./dom.js";
import { EXAMPLE_TOOLS } from "./example_tools.js";
import { MORE_SAMPLING, problemOf, SAMPLING, SYSTEM, THINKING, TOOLS } from "./fields.js";
import { t } from "./i18n.js";
import { icon, iconButton } from "./icons.js";

/** `onChange(settings)` hears of every change. */
export class Panel {
  constructor(onChange) {
    this.root = byId("panel");
    this.opener = byId("open-panel");
    this.onChange = onChange;
    this.settings = {};
    this.thinks = false;
    this.opener.addEventListener("click", () => this.setOpen(this.root.hidden));
  }

  get isOpen() {
    return !this.root.hidden;
  }

  setOpen(isOpen) {
    this.root.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.root.querySelector("textarea")?.focus();
    else this.opener.focus();
  }

  /** Show the settings of another conversation; `thinks` says whether its model can. */
  show(settings, thinks) {
    this.settings = { ...settings };
    this.thinks = thinks;
    const close = iconButton("close", "close", () => this.setOpen(false));
    const head = h("div", { class: "panel-head" }, h("h2", { text: t("settings") }), close);
    const more = h(
      "details", { class: "more", open: MORE_SAMPLING.some(({ name }) => settings[name]) },
      h("summary", {}, h("span", { text: t("more") }), icon("chevron")),
      ...MORE_SAMPLING.map((field) => this.row(field)),
    );
    const reset = h("button", { class: "button is-quiet", type: "button", text: t("reset"), onclick: () => this.reset() });
    this.root.replaceChildren(
      head,
      h("p", { class: "hint", text: t("settingsHint") }),
      this.area(SYSTEM, 4),
      h("h3", { text: t("sampling") }),
      ...SAMPLING.map((field) => this.row(field)),
      more,
      ...(thinks ? [this.choice(THINKING)] : []),
      h("h3", { text: t("tools_title") }),
      this.area(TOOLS, 5),
      this.exampleButton(),
      reset,
    );
  }

  reset() {
    this.onChange({});
    this.show({}, this.thinks);
  }

  change(field, text, line) {
    this.settings[field.name] = text;
    showProblem(field, text, line);
    this.onChange(this.settings);
  }

  row(field) {
    if (field.kind === "lines") return this.area(field, 2);
    const { name, min, max, step } = field;
    const input = h("input", {
      id: `set-${name}`, type: "number", inputmode: field.kind === "integer" ? "numeric" : "decimal",
      min, max, step, value: this.settings[name] ?? "", placeholder: t("auto"),
      "aria-describedby": `about-${name}`,
    });
    const slider = field.hasSlider ? this.slider(field, input) : null;
    const line = this.frame(field, input, slider);
    input.addEventListener("input", () => {
      this.change(field, input.validity.badInput ? "?" : input.value, line);
      if (slider) slider.value = input.value || String(field.middle);
      slider?.classList.toggle("is-unset", input.value === "");
    });
    return line;
  }

  slider({ name, min, max, step, middle }, input) {
    const slider = h("input", {
      type: "range", min, max, step, "aria-label": t(name), class: input.value === "" ? "is-unset" : "",
    });
    slider.value = input.value || String(middle);
    slider.addEventListener("input", () => {
      input.value = slider.value;
      input.dispatchEvent(new Event("input"));
    });
    return slider;
  }

  area(field, rows) {
    const input = h("textarea", {
      id: `set-${field.name}`, rows, value: this.settings[field.name] ?? "",
      placeholder: t(`${field.name}_placeholder`), spellcheck: field === SYSTEM ? "true" : "false",
      "aria-describedby": `about-${field.name}`, class: field === TOOLS ? "is-code" : "",
    });
    const line = this.frame(field, input, null);
    line.classList.add("is-tall");
    input.addEventListener("input", () => this.change(field, input.value, line));
    return line;
  }

  choice(field) {
    const options = field.choices.map((value) => h("option", { value, text: t(`thinking_${value || "auto"}`) }));
    const input = h("select", { id: `set-${field.name}`, "aria-describedby": `about-${field.name}` }, ...options);
    input.value = this.settings[field.name] ?? "";
    const line = this.frame(field, input, null);
    input.addEventListener("change", () => this.change(field, input.value, line));
    return line;
  }

  frame(field, input, slider) {
    const { name } = field;
    const label = h("label", { for: input.id, text: t(name) });
    const about = h("p", { class: "hint", id: `about-${name}`, text: t(`${name}_about`) });
    const line = h("div", { class: "field" }, h("div", { class: "field-head" }, label, input), slider, about);
    showProblem(field, this.settings[name] ?? "", line);
    return line;
  }

  exampleButton() {
    return h("button", {
      class: "text-button", type: "button", text: t("exampleTools"),
      onclick: () => {
        const area = byId("set-tools");
        area.value = JSON.stringify(EXAMPLE_TOOLS, null, 2);
        area.dispatchEvent(new Event("input"));
      },
    });
  }
}

function showProblem(field, text, line) {
  const problem = problemOf(field, text);
  const about = line.querySelector(".hint");
  line.classList.toggle("is-wrong", problem !== null);
  line.querySelector(`#set-${field.name}`).setAttribute("aria-invalid", String(problem !== null));
  about.textContent = problem ? t(...problem) : t(`${field.name}_about`);
}
