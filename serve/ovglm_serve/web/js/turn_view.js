// One turn of the conversation as an article: a question, or an answer with what belongs to it.

import { copyButton } from "./copy.js";
import { h } from "./dom.js";
import { errorCard } from "./error_card.js";
import { figuresLine } from "./figures.js";
import { t } from "./i18n.js";
import { iconButton } from "./icons.js";
import { LiveMarkdown } from "./live_markdown.js";
import { picturesOf } from "./picture_view.js";
import { ThinkingView } from "./thinking_view.js";
import { ToolCalls } from "./tool_calls.js";

/** Show a question; `actions.edit(index)` is called to change it. */
export function questionView(turn, index, actions) {
  const body = turn.text ? h("div", { class: "bubble", text: turn.text }) : null;
  const lost = turn.lost ? h("span", { class: "turn-note", text: t("picturesLost", { count: turn.lost }) }) : null;
  const edit = iconButton("edit", "edit", () => actions.edit(index));
  const copy = turn.text ? copyButton(() => turn.text, "copyQuestion") : null;
  const tools = h("div", { class: "turn-tools" }, copy, edit);
  return h("article", { class: "turn question", "aria-label": t("you"), "data-index": index }, picturesOf(turn), lost, body, tools);
}

/** An answer that can be shown again and again while it grows. */
export class AnswerView {
  constructor(turn, index, actions) {
    this.turn = turn;
    this.actions = actions;
    this.thinking = new ThinkingView();
    this.prose = new LiveMarkdown();
    this.calls = new ToolCalls(actions);
    this.end = h("div", { class: "turn-end" });
    this.root = h(
      "article",
      { class: "turn answer", "aria-label": t("model"), "data-index": index },
      this.thinking.root, this.prose.root, this.calls.root, this.end,
    );
  }

  /** Show the turn as it is now; `waiting` is what an empty one waits for, null at its end. */
  show(waiting, figures = this.turn.figures) {
    const { turn } = this;
    const isRunning = waiting !== null;
    this.root.classList.toggle("is-running", isRunning);
    this.root.setAttribute("aria-busy", String(isRunning));
    this.thinking.show(turn.thinking, isRunning && !turn.text && turn.calls.length === 0);
    this.prose.show(turn.text);
    this.calls.show(turn, isRunning);
    const isEmpty = !turn.text && !turn.thinking && turn.calls.length === 0;
    const end = isRunning ? runningEnd(isEmpty ? waiting : "", figures) : this.finishedEnd();
    this.end.replaceChildren(...end);
  }

  finishedEnd() {
    const { turn, actions } = this;
    const tools = h("div", { class: "turn-tools" });
    if (turn.text) tools.append(copyButton(() => turn.text, "copyAnswer"));
    if (!turn.error) tools.append(iconButton("retry", "retry", () => actions.retry(turn)));
    const figures = turn.figures ? figuresLine(turn.figures) : null;
    const note = noteOf(turn);
    const line = h("div", { class: "turn-line" }, tools, note, figures);
    if (!turn.error) return [line];
    return [errorCard(turn.error, () => actions.retry(turn)), ...(turn.text ? [line] : [])];
  }
}

function noteOf({ finish, text, calls }) {
  const key = { stopped: "wasStopped", length: "wasCut", null: "wasLeft" }[finish];
  if (key) return h("span", { class: "turn-note", text: t(key) });
  const isEmpty = finish === "stop" && !text && calls.length === 0;
  return isEmpty ? h("span", { class: "turn-note", text: t("wasEmpty") }) : null;
}

function runningEnd(waiting, figures) {
  const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  const words = h("span", { class: "turn-note", text: waiting });
  return [h("div", { class: "turn-line" }, dots, waiting ? words : null, figures ? figuresLine(figures) : null)];
}
