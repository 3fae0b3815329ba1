// A conversation as the chat API wants to read it.

import { wireFields } from "./fields.js";

export const NOT_RUN = "The user did not run this function.";

/** The body of the request that asks for the next turn. */
export function toRequest(conversation) {
  const { model, settings, turns } = conversation;
  return { model, messages: toMessages(settings.system ?? "", turns), ...wireFields(settings) };
}

/**
 * The messages of the turns. A question that got no answer is left out, so that one which was too
 * long does not spoil all that follow; calls without a result are said not to have run.
 */
export function toMessages(system, turns) {
  const messages = system.trim() ? [{ role: "system", content: system }] : [];
  for (const turn of turns) {
    const answer = turn.role === "user" ? [{ role: "user", content: contentOf(turn) }] : answerMessages(turn);
    if (answer.length === 0 && messages.at(-1)?.role === "user") messages.pop();
    messages.push(...answer);
  }
  return messages;
}

/** A question with pictures has OpenAI's parts, the pictures first: so the models read them. */
function contentOf({ text, pictures = [] }) {
  if (pictures.length === 0) return text;
  const shown = pictures.map((url) => ({ type: "image_url", image_url: { url } }));
  return text ? [...shown, { type: "text", text }] : shown;
}

function answerMessages({ text, calls, finish }) {
  // The arguments of a call that was cut off are no JSON: nobody can answer it.
  const whole = finish === "tool_calls" ? calls : [];
  if (whole.length === 0) return text ? [{ role: "assistant", content: text }] : [];
  const tool_calls = whole.map((call) => ({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  }));
  const results = whole.map((call) => ({
    role: "tool",
    tool_call_id: call.id,
    content: call.result ?? NOT_RUN,
  }));
  return [{ role: "assistant", content: text || null, tool_calls }, ...results];
}
