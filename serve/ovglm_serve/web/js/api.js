// This server's public API, and what can go wrong with it.

import { readEvents } from "./sse.js";

/** An answer that did not come; `kind` tells the page what to say, `detail` is the server's own text. */
export class ApiError extends Error {
  constructor(kind, detail = "", retryAfter = null) {
    super(detail || kind);
    this.kind = kind;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

const KINDS = { 401: "key", 429: "busy", 503: "loading" };

/** List the models as the server describes them. */
export async function listModels(key) {
  const response = await ask("v1/models", { headers: headers(key) });
  return (await response.json()).data;
}

/** Yield the chunks of a streamed chat completion, the one with the usage too. */
export async function* streamChat(body, { key, signal }) {
  const request = {
    method: "POST",
    headers: { ...headers(key), "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  };
  const response = await ask("v1/chat/completions", request);
  for await (const data of eventsOf(response)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ApiError("server", chunk.error.message);
    yield chunk;
  }
  throw new ApiError("broken");
}

async function* eventsOf(response) {
  try {
    yield* readEvents(response.body);
  } catch (error) {
    throw error.name === "AbortError" ? error : new ApiError("broken");
  }
}

function headers(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function ask(path, request) {
  const response = await fetch(path, request).catch((error) => {
    throw error.name === "AbortError" ? error : new ApiError("network");
  });
  if (response.ok) return response;
  const kind = KINDS[response.status] ?? (response.status < 500 ? "refused" : "server");
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  throw new ApiError(kind, await detailOf(response), retryAfter);
}

async function detailOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error?.message ?? text;
  } catch {
    return text.slice(0, 500);
  }
}
