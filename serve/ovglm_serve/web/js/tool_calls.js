// The functions that a model asks for, folded, and the place where their results are typed.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** The calls of one answer. `actions.giveResults(turn, results)` goes on with the conversation. */
export class ToolCalls {
  constructor(actions) {
    this.actions = actions;
    this.root = h("div", { class: "calls" });
    this.list = h("div", { class: "calls" });
    this.root.append(this.list);
    this.views = [];
    this.form = null;
  }

  show(turn, isRunning) {
    turn.calls.forEach((call, index) => this.showCall(call, index, isRunning));
    const isOpen = !isRunning && turn.finish === "tool_calls" && !turn.isAnswered;
    if (isOpen && !this.form) this.openForm(turn);
    if (!isOpen && this.form) {
      this.form.remove();
      this.form = null;
    }
  }

  showCall(call, index, isRunning) {
    if (!this.views[index]) {
      this.views[index] = new CallView();
      this.list.append(this.views[index].root);
    }
    this.views[index].show(call, isRunning);
  }

  openForm(turn) {
    const areas = turn.calls.map(({ name }) => resultArea(name));
    const onsubmit = (event) => {
      event.preventDefault();
      this.actions.giveResults(turn, areas.map((area) => area.value));
    };
    const labels = areas.map((area, index) => h(
      "label", { class: "result" }, h("span", { text: t("resultOf", { name: turn.calls[index].name }) }), area,
    ));
    const send = h("button", { class: "button", type: "submit", text: t("sendResults") });
    const hint = h("span", { class: "hint", text: t("resultsHint") });
    this.form = h("form", { class: "results", onsubmit }, ...labels, h("div", { class: "results-end" }, send, hint));
    this.root.append(this.form);
  }
}

function resultArea(name) {
  return h("textarea", { rows: 2, spellcheck: "false", placeholder: '{"…": "…"}', name: `result-${name}` });
}

class CallView {
  constructor() {
    this.label = h("span");
    this.name = h("code");
    this.given = h("pre", { tabindex: "0" });
    this.gotTitle = h("h4");
    this.got = h("pre", { tabindex: "0" });
    this.givenTitle = h("h4");
    const body = h("div", { class: "fold-body" }, this.givenTitle, this.given, this.gotTitle, this.got);
    const summary = h("summary", {}, icon("tool"), this.label, this.name, icon("chevron"));
    this.root = h("details", { class: "fold call" }, summary, body);
  }

  show(call, isRunning) {
    this.root.classList.toggle("is-busy", isRunning);
    this.label.textContent = t(isRunning ? "calls" : "called");
    this.name.textContent = call.name;
    this.givenTitle.textContent = t("arguments");
    this.gotTitle.textContent = t("result");
    this.given.textContent = isRunning ? call.arguments : pretty(call.arguments);
    this.got.textContent = call.result ?? "";
    this.got.hidden = this.gotTitle.hidden = call.result === null;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
