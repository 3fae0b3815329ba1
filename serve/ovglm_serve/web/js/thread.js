// The turns of the conversation on show, kept at their end while an answer grows.

import { byId } from "./dom.js";
import { questionEditor } from "./question_editor.js";
import { AnswerView, questionView } from "./turn_view.js";

const NEAR_END_PX = 60;
// The rest after drawing, in times of what it took, so that typing and scrolling stay smooth.
const REST_FACTOR = 3;

export class Thread {
  constructor(actions, emptyView) {
    this.root = byId("thread");
    this.scroll = byId("scroll");
    this.jump = byId("jump");
    this.actions = actions;
    this.emptyView = emptyView;
    this.views = new Map();
    this.isAtEnd = true;
    this.lastTop = 0;
    this.restUntil = 0;
    this.drawing = null;
    this.scroll.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    this.jump.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.stay()).observe(this.root);
  }

  /** Show a conversation; `running` is its turn under way with what it waits for, or null. */
  show(conversation, running = null) {
    this.views.clear();
    const nodes = conversation.turns.map((turn, index) => this.viewOf(turn, index, running));
    this.root.classList.toggle("is-empty", nodes.length === 0);
    this.root.replaceChildren(...(nodes.length ? nodes : [this.emptyView()]));
    this.toEnd();
  }

  viewOf(turn, index, running) {
    if (turn.role === "user") return questionView(turn, index, this.actions);
    const view = new AnswerView(turn, index, this.actions);
    this.views.set(turn, view);
    view.show(running?.turn === turn ? running.waiting : null);
    return view.root;
  }

  /** Put an editor in the place of the question at `index`. */
  edit(conversation, index) {
    const article = this.root.querySelector(`[data-index="${index}"]`);
    const { root, focus } = questionEditor(conversation.turns[index], {
      send: (text, pictures) => this.actions.resend(index, text, pictures),
      cancel: () => root.replaceWith(article),
    });
    article.replaceWith(root);
    focus();
  }

  /** Draw a growing answer with the next frame, or a later one when drawing is slow. */
  grow(turn, waiting, figures) {
    if (this.drawing) return;
    const drawing = { turn, waiting, figures };
    this.drawing = drawing;
    const rest = Math.max(0, this.restUntil - performance.now());
    setTimeout(() => requestAnimationFrame(() => this.draw(drawing)), rest);
  }

  draw(drawing) {
    if (this.drawing !== drawing) return;
    this.drawing = null;
    const start = performance.now();
    this.views.get(drawing.turn)?.show(drawing.waiting(), drawing.figures());
    this.restUntil = start + (performance.now() - start) * REST_FACTOR;
  }

  /** Draw an answer that has ended. */
  finish(turn) {
    this.drawing = null;
    this.views.get(turn)?.show(null);
  }

  // Only who scrolls up leaves the end; text that grows faster than it is drawn does not.
  noteScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroll;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (isNear) this.isAtEnd = true;
    else if (scrollTop < this.lastTop) this.isAtEnd = false;
    this.lastTop = scrollTop;
    this.jump.hidden = this.isAtEnd;
  }

  stay() {
    if (this.isAtEnd) this.toEnd();
    else this.noteScroll();
  }

  toEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.lastTop = this.scroll.scrollTop;
    this.isAtEnd = true;
    this.jump.hidden = true;
  }
}
