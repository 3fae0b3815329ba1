// A conversation from a JSON file, as this page exports it and `ovglm chat` saves it.

import { newAnswer } from "./answer.js";
import { ask, newConversation } from "./conversations.js";
import { FORMAT_VERSION, KIND } from "./export.js";
import { cleanSettings } from "./fields.js";
import { isPictureUrl } from "./pictures.js";
import { NOT_RUN } from "./request.js";

const FIGURES = ["prompt_tokens", "cached_tokens", "tokens", "first_s", "speed"];

/** Why a file is no conversation: `words` is the key of a sentence, with its values. */
export class BadFile extends Error {
  constructor(words, values = {}) {
    super(words);
    this.words = words;
    this.values = values;
  }
}

/** Let a person choose a file; resolves with its text, and never where none is chosen. */
export function chooseFile() {
  return new Promise((resolve, reject) => {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = ".json,application/json";
    input.addEventListener("change", () => input.files[0].text().then(resolve, reject));
    input.click();
  });
}

/** Read a document; throws BadFile for anything else. */
export function fromText(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new BadFile("fileNotJson");
  }
  if (document?.kind !== KIND || !Array.isArray(document.turns)) throw new BadFile("fileOther");
  if (document.format_version !== FORMAT_VERSION) throw new BadFile("fileNewer");
  const system = textOr(document.system, "");
  const settings = { ...cleanSettings(document.settings), ...(system && { system }) };
  const conversation = newConversation(settings, textOr(document.model, null));
  document.turns.forEach((turn, index) => addTurn(conversation, turn, index + 1));
  conversation.title = textOr(document.title, "") || conversation.title;
  conversation.created = Date.parse(document.created) || conversation.created;
  return conversation;
}

function addTurn(conversation, raw, number) {
  const { turns } = conversation;
  const last = turns.at(-1);
  const isUser = raw?.role === "user";
  const shown = isUser && Array.isArray(raw.content) ? toShown(raw.content, number) : null;
  if (!shown && typeof raw?.content !== "string") throw new BadFile("fileTurn", { number });
  if (raw.role === "tool") {
    const call = last?.calls?.find(({ id }) => id === raw.tool_call_id);
    if (!call) throw new BadFile("fileTurn", { number });
    call.result = raw.content === NOT_RUN ? null : raw.content;
    return;
  }
  const mayCome = isUser ? last?.role !== "user" : raw.role === "assistant" && last;
  if (!mayCome) throw new BadFile("fileTurn", { number });
  if (last?.finish === "tool_calls") last.isAnswered = true;
  if (shown) ask(conversation, shown.text, shown.pictures);
  else if (isUser) ask(conversation, raw.content);
  else turns.push(toAnswer(raw, number));
}

/** Read the parts of a question: texts, and pictures that are in the file themselves. */
function toShown(parts, number) {
  const texts = parts.filter((part) => part?.type === "text").map(({ text }) => text);
  const pictures = parts.filter((part) => part?.type === "image_url").map((part) => part.image_url?.url);
  const isWhole = texts.length + pictures.length === parts.length && parts.length > 0;
  const isRight = texts.every((text) => typeof text === "string") && pictures.every(isPictureUrl);
  if (!isWhole || !isRight) throw new BadFile("fileTurn", { number });
  return { text: texts.join("\n"), pictures };
}

function toAnswer(raw, number) {
  const calls = Array.isArray(raw.tool_calls) ? raw.tool_calls.map((call) => toCall(call, number)) : [];
  return {
    ...newAnswer(),
    text: raw.content,
    thinking: textOr(raw.reasoning_content, ""),
    calls,
    finish: calls.length ? "tool_calls" : textOr(raw.finish_reason, "stop"),
    figures: toFigures(raw.figures),
  };
}

function toCall(raw, number) {
  const texts = [raw?.id, raw?.function?.name, raw?.function?.arguments];
  if (!texts.every((text) => typeof text === "string")) throw new BadFile("fileTurn", { number });
  const [id, name, args] = texts;
  return { id, name, arguments: args, result: null };
}

/** Take figures that are numbers; a file from elsewhere may hold anything. */
function toFigures(raw) {
  if (typeof raw?.tokens !== "number") return null;
  const numbers = FIGURES.map((name) => [name, typeof raw[name] === "number" ? raw[name] : null]);
  return { device: textOr(raw.device, null), is_exact: raw.is_exact === true, ...Object.fromEntries(numbers) };
}

function textOr(value, otherwise) {
  return typeof value === "string" ? value : otherwise;
}
