// A conversation as a JSON file, of the kind that `ovglm chat` saves and loads.

import { h } from "./dom.js";
import { toMessages } from "./request.js";

export const KIND = "ovglm conversation";
export const FORMAT_VERSION = 1;

/** Give the document: questions, answers, calls with their results, thoughts, figures, settings. */
export function toDocument(conversation) {
  const { system = "", ...settings } = conversation.settings;
  return {
    kind: KIND,
    format_version: FORMAT_VERSION,
    title: conversation.title,
    created: new Date(conversation.created).toISOString(),
    model: conversation.model,
    system,
    settings: Object.fromEntries(Object.entries(settings).filter(([, text]) => text !== "")),
    turns: conversation.turns.flatMap(toTurns),
  };
}

function toTurns(turn) {
  const [first, ...results] = toMessages("", [turn]);
  if (turn.role === "user") return [first];
  const { thinking, figures, finish } = turn;
  const answer = first ?? { role: "assistant", content: turn.text };
  const more = { finish_reason: finish, ...(figures && { figures }), ...(thinking && { reasoning_content: thinking }) };
  return [{ ...answer, content: answer.content ?? "", ...more }, ...results];
}

/** Let the browser save the conversation. */
export function download(conversation) {
  const text = `${JSON.stringify(toDocument(conversation), null, 2)}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = h("a", { href: url, download: fileName(conversation) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

function fileName({ title, created }) {
  const day = new Date(created).toISOString().slice(0, 10);
  const words = title.toLowerCase().replace(/[^\p{Letter}\p{Number}]+/gu, "-").replace(/^-|-$/g, "");
  return `ovglm-${day}-${words.slice(0, 40) || "chat"}.json`;
}
