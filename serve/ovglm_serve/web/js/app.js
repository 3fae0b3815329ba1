// The page put together: what a person does goes to the chat, what comes of it is shown.

import { ApiKey } from "./api_key.js";
import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { byId, h } from "./dom.js";
import { emptyView } from "./empty_view.js";
import { download } from "./export.js";
import { keyName, openHelp, startHelp } from "./help.js";
import { applyWords, currentLanguage, formatNumber, onLanguage, setLanguage, t } from "./i18n.js";
import { setIcon } from "./icons.js";
import { BadFile, chooseFile, fromText } from "./import.js";
import { startKeyboard } from "./keyboard.js";
import { Models } from "./models.js";
import { announce, toast } from "./notices.js";
import { Panel } from "./panel.js";
import { pictureRoom } from "./picture_room.js";
import { startPictureView } from "./picture_view.js";
import { Sidebar } from "./sidebar.js";
import { startTheme } from "./theme.js";
import { Thread } from "./thread.js";

const READ_OUT_LENGTH = 600;

class App {
  constructor() {
    this.key = new ApiKey(() => this.models.refresh());
    this.models = new Models({
      key: () => this.key.value,
      chosen: (id) => { this.chat.setModel(id); this.showAll(); },
      changed: () => this.modelsChanged(),
      failed: (error) => error.kind === "key" && this.key.ask(),
    });
    this.chat = new Chat(this, () => this.access());
    this.thread = new Thread({
      edit: (index) => this.edit(index),
      resend: (index, text, pictures) => this.chat.resend(index, text, pictures) && this.composer.focus(),
      retry: (turn) => this.chat.retry(turn),
      giveResults: (turn, results) => this.chat.giveResults(turn, results) && this.composer.focus(),
    }, () => this.emptyView());
    this.sidebar = new Sidebar({ open: (id) => this.open(id), remove: (id) => this.remove(id) });
    this.panel = new Panel((settings) => this.chat.setSettings(settings));
    this.composer = new Composer({
      send: (text, pictures) => this.chat.send(text, pictures),
      stop: () => this.chat.stop(),
      editLast: () => this.edit(this.chat.lastQuestion),
      pictureRoom: () => pictureRoom(this.models.current, this.chat.conversation.turns),
    });
  }

  start() {
    for (const node of document.querySelectorAll("[data-icon]")) setIcon(node, node.dataset.icon);
    for (const node of document.querySelectorAll("[data-keys]")) node.textContent = keyName(node.dataset.keys);
    applyWords();
    startTheme();
    startHelp();
    startPictureView();
    startKeyboard(this.keyActions());
    byId("new-chat").addEventListener("click", () => this.newChat());
    byId("export").addEventListener("click", () => download(this.chat.conversation));
    byId("import").addEventListener("click", () => this.importChat());
    byId("language").addEventListener("click", () => setLanguage(currentLanguage() === "zh" ? "en" : "zh"));
    onLanguage(() => this.showAll());
    this.chat.resume(null);
    this.models.refresh();
    // From now on what opens and closes may be seen to move.
    requestAnimationFrame(() => byId("shell").classList.remove("is-starting"));
  }

  /** What a request needs; one that is typed before the models are known waits for them. */
  async access() {
    await this.models.known;
    return { key: this.key.value, device: this.models.current.device ?? null };
  }

  // What a person does beside asking

  newChat() {
    this.sidebar.leave();
    this.chat.begin(this.models.chosen);
  }

  open(id) {
    this.sidebar.leave();
    this.chat.open(id);
  }

  async importChat() {
    try {
      const conversation = fromText(await chooseFile());
      this.sidebar.leave();
      this.chat.adopt(conversation);
    } catch (error) {
      if (!(error instanceof BadFile)) throw error;
      toast(t(error.words, error.values));
    }
  }

  remove(id) {
    toast(t("deleted"), this.chat.remove(id, this.models.chosen));
  }

  edit(index) {
    if (index !== null && !this.chat.isAnswering) this.thread.edit(this.chat.conversation, index);
  }

  keyActions() {
    return {
      newChat: () => this.newChat(),
      settings: () => this.panel.setOpen(!this.panel.isOpen),
      help: openHelp,
      focus: () => this.composer.focus(),
      escape: () => this.escape(),
    };
  }

  escape() {
    if (this.chat.isAnswering) this.chat.stop();
    else if (this.sidebar.isDrawer && this.sidebar.isOpen) this.sidebar.setOpen(false);
    else if (this.panel.isOpen) this.panel.setOpen(false);
    else return false;
    return true;
  }

  // What the chat tells

  opened() {
    const { conversation } = this.chat;
    this.models.choose(conversation.model);
    conversation.model = this.models.chosen;
    this.showAll();
    this.composer.focus();
  }

  listed() {
    this.sidebar.show(this.chat.conversations.list(), this.chat.conversation?.id);
  }

  began() {
    this.composer.setRunning(true);
    if (this.models.current.state !== "ready") this.models.askSoon();
    this.showThread();
    announce(t("answering"));
  }

  grew(turn, stream) {
    this.thread.grow(turn, () => this.waitingText(), () => stream.figures());
  }

  ended(conversation, turn) {
    this.composer.setRunning(false);
    if (turn.error?.kind === "key") this.key.ask();
    this.models.refresh();
    if (conversation !== this.chat.conversation) return;
    this.thread.finish(turn);
    this.showFootnote();
    announce(turn.error ? t(`error_${turn.error.kind}`) : turn.text.slice(0, READ_OUT_LENGTH));
  }

  refused() {
    this.panel.setOpen(true);
    toast(t("mendSettings"));
  }

  notKept(hasWords) {
    toast(t(hasWords ? "storagePictures" : "storageFull"));
  }

  cut(undo) {
    toast(t("cutTurns"), undo);
  }

  // What is shown

  showAll() {
    byId("language").textContent = t("otherLanguage");
    this.models.show();
    this.showPanel();
    this.key.refreshWords();
    this.composer.showWords();
    this.showThread();
    this.listed();
    this.showFootnote();
  }

  showPanel() {
    this.panel.show(this.chat.conversation.settings, Boolean(this.models.current.thinks));
  }

  showThread() {
    const { generation, conversation } = this.chat;
    const running = generation.isRunning ? { turn: generation.turn, waiting: this.waitingText() } : null;
    this.thread.show(conversation, running);
    byId("export").disabled = conversation.turns.length === 0;
    document.title = conversation.title ? `${conversation.title} · ovglm` : "ovglm";
  }

  showFootnote() {
    const figures = this.chat.conversation.turns.at(-1)?.figures;
    const { context } = this.models.current;
    const used = figures?.prompt_tokens ? figures.prompt_tokens + figures.tokens : 0;
    const share = context && used ? Math.min(100, Math.max(1, Math.round((100 * used) / context))) : 0;
    const parts = share ? [t("contextUsed", { share: formatNumber(share) }), t("footnote")] : [t("footnote")];
    byId("footnote").replaceChildren(...parts.map((text) => h("span", { text })));
  }

  emptyView() {
    return emptyView(this.models, {
      suggest: (text) => { this.composer.setText(text); this.composer.focus(); },
      reconnect: () => this.models.refresh(),
    });
  }

  modelsChanged() {
    const { conversation } = this.chat;
    if (this.models.chosen) conversation.model = this.models.chosen;
    if (!this.panel.isOpen) this.showPanel();
    this.showFootnote();
    this.composer.refresh();
    if (conversation.turns.length === 0) this.showThread();
    const { turn, stream } = this.chat.generation;
    if (this.chat.isAnswering) this.grew(turn, stream);
  }

  waitingText() {
    const { state } = this.models.current;
    return t(state && state !== "ready" ? "loadingModel" : "waiting");
  }
}

new App().start();
