// The open conversation and everything that can be done to it. Draws nothing: `view` is told.

import { ask, Conversations, cutFrom, newConversation, questionBefore } from "./conversations.js";
import { firstProblem } from "./fields.js";
import { Generation } from "./generation.js";
import { readValue, writeValue } from "./storage.js";

/** `view` has opened, listed, began, grew, ended, refused, notKept and cut; `access()` promises key and device. */
export class Chat {
  constructor(view, access) {
    this.view = view;
    this.access = access;
    this.conversation = null;
    this.conversations = new Conversations(() => view.listed());
    this.generation = new Generation({
      began: (conversation) => { this.keep(conversation); view.began(); },
      grew: (turn, stream) => view.grew(turn, stream),
      keep: (conversation) => this.keep(conversation),
      ended: (conversation, turn) => { this.keep(conversation); view.ended(conversation, turn); },
    });
  }

  get isAnswering() {
    return this.generation.isRunning;
  }

  stop() {
    this.generation.stop();
  }

  // Which conversation is open

  /** Open the conversation that was open last, or an empty one. */
  resume(model) {
    this.show(this.conversations.load(readValue("open", null)) ?? this.blank(model));
  }

  /** Begin anew, with the settings that were used last. */
  begin(model) {
    this.stop();
    this.show(this.blank(model));
  }

  blank(model) {
    return newConversation(readValue("settings", {}), model ?? readValue("model", null));
  }

  open(id) {
    if (id === this.conversation.id) return;
    const conversation = this.conversations.load(id);
    if (!conversation) return;
    this.stop();
    this.show(conversation);
  }

  /** Keep a conversation that came from elsewhere, and open it. */
  adopt(conversation) {
    this.stop();
    this.save(conversation);
    this.show(conversation);
  }

  /** Delete a conversation; returns what takes that back. */
  remove(id, model) {
    const isOpen = id === this.conversation.id;
    const conversation = isOpen ? this.conversation : this.conversations.load(id);
    if (isOpen) this.begin(model);
    this.conversations.remove(id);
    return () => {
      this.stop();
      this.conversations.save(conversation);
      this.show(conversation);
    };
  }

  show(conversation) {
    this.conversation = conversation;
    writeValue("open", conversation.id);
    this.view.opened();
  }

  keep(conversation) {
    // An answer that ends after its conversation was deleted must not bring it back.
    const isDeleted = conversation !== this.conversation && !this.conversations.has(conversation.id);
    if (!isDeleted) this.save(conversation);
  }

  save(conversation) {
    const kept = this.conversations.save(conversation);
    if (kept !== "all") this.view.notKept(kept === "words");
  }

  // How it is answered

  setSettings(settings) {
    this.conversation.settings = { ...settings };
    writeValue("settings", this.conversation.settings);
    this.keep(this.conversation);
  }

  setModel(id) {
    this.conversation.model = id;
    writeValue("model", id);
    this.keep(this.conversation);
  }

  // Questions and answers; each says whether it could be done

  send(text, pictures) {
    if (!this.canAnswer()) return false;
    ask(this.conversation, text, pictures);
    this.answer();
    return true;
  }

  /** Ask the question at `index` again in other words or of other pictures; what came after it goes. */
  resend(index, text, pictures) {
    return this.replace(index, 2, () => ask(this.conversation, text, pictures));
  }

  /** Answer again; what came after the answer goes with it. */
  retry(turn) {
    return this.replace(this.conversation.turns.indexOf(turn), 1, () => {});
  }

  /** Give the results of the calls of a turn, "" for those that were not run, and go on. */
  giveResults(turn, results) {
    if (!this.canAnswer()) return false;
    turn.calls.forEach((call, index) => { call.result = results[index].trim() || null; });
    cutFrom(this.conversation, this.conversation.turns.indexOf(turn) + 1);
    this.answer();
    return true;
  }

  replace(index, expected, change) {
    if (!this.canAnswer()) return false;
    const { conversation } = this;
    const before = structuredClone({ turns: conversation.turns, title: conversation.title });
    const cut = cutFrom(conversation, index);
    change();
    this.answer();
    if (cut.length > expected) this.view.cut(() => this.putBack(conversation, before));
    return true;
  }

  putBack(conversation, before) {
    this.stop();
    Object.assign(conversation, before);
    this.keep(conversation);
    this.show(conversation);
  }

  canAnswer() {
    if (this.isAnswering) return false;
    if (!firstProblem(this.conversation.settings)) return true;
    this.view.refused();
    return false;
  }

  answer() {
    for (const turn of this.conversation.turns) {
      if (turn.finish === "tool_calls") turn.isAnswered = true;
    }
    this.conversation.updated = Date.now();
    this.generation.run(this.conversation, this.access());
  }

  /** The number of the last question, or null. */
  get lastQuestion() {
    const { turns } = this.conversation;
    return turns.length ? questionBefore(this.conversation, turns.length - 1) : null;
  }
}
