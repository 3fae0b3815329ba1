// Conversations and where they are kept: one value of the browser's storage each.

import { t } from "./i18n.js";
import { listKeys, onOtherTab, readValue, removeValue, writeValue } from "./storage.js";

const START = "chat.";
const TITLE_LENGTH = 60;

/** Begin a conversation with settings of its own. */
export function newConversation(settings, model) {
  const now = Date.now();
  return { id: newId(), title: "", created: now, updated: now, model, settings: { ...settings }, turns: [] };
}

// Unlike randomUUID, this is there over plain http, too.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/]/g, "-");
}

/** Add a question with its pictures, data: URLs; the first one names the conversation. */
export function ask(conversation, text, pictures = []) {
  conversation.turns.push({ role: "user", text, ...(pictures.length && { pictures: [...pictures] }) });
  if (!conversation.title) conversation.title = titleOf(text) || t("pictureNumber", { number: 1 });
}

/** Take off the turns from `index` on, and return them. */
export function cutFrom(conversation, index) {
  const cut = conversation.turns.splice(index);
  if (index === 0) conversation.title = "";
  return cut;
}

/** The number of the question that the turn at `index` answers. */
export function questionBefore(conversation, index) {
  let number = index;
  while (number > 0 && conversation.turns[number].role !== "user") number -= 1;
  return number;
}

function titleOf(text) {
  const line = text.trim().split("\n", 1)[0].replace(/\s+/g, " ");
  const letters = [...line];
  return letters.length > TITLE_LENGTH ? `${letters.slice(0, TITLE_LENGTH - 1).join("").trimEnd()}…` : line;
}

/** Leave the pictures out; the turns say how many are lost. */
function withoutPictures(conversation) {
  const turns = conversation.turns.map(({ pictures, ...turn }) => (pictures ? { ...turn, lost: pictures.length } : turn));
  return { ...conversation, turns };
}

/** All conversations of this browser. */
export class Conversations {
  constructor(onChange) {
    this.heads = new Map();
    this.onChange = onChange;
    this.readAll();
    onOtherTab((key) => {
      if (!key.startsWith(START)) return;
      this.readAll();
      onChange();
    });
  }

  readAll() {
    this.heads.clear();
    for (const key of listKeys(START)) {
      const conversation = readValue(key, null);
      if (Array.isArray(conversation?.turns)) this.note(conversation);
    }
  }

  note({ id, title, updated }) {
    this.heads.set(id, { id, title, updated });
  }

  /** List id, title and time of the last change, newest first. */
  list() {
    return [...this.heads.values()].sort((one, other) => other.updated - one.updated);
  }

  has(id) {
    return this.heads.has(id);
  }

  load(id) {
    return readValue(START + id, null);
  }

  /**
   * Keep a conversation that has something in it: "all" of it, "words" where the storage has no
   * room for its pictures, "none" where it is full or closed.
   */
  save(conversation) {
    if (conversation.turns.length === 0) {
      this.remove(conversation.id);
      return "all";
    }
    const key = START + conversation.id;
    let kept = writeValue(key, conversation) ? "all" : "none";
    if (kept === "none" && conversation.turns.some(({ pictures }) => pictures)) {
      kept = writeValue(key, withoutPictures(conversation)) ? "words" : "none";
    }
    this.note(conversation);
    this.onChange();
    return kept;
  }

  remove(id) {
    removeValue(START + id);
    this.heads.delete(id);
    this.onChange();
  }
}
