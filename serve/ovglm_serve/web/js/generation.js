// One answer under way: asks, streams, stops, and says how it ended. Shows nothing itself.

import { AnswerStream, newAnswer } from "./answer.js";
import { ApiError, streamChat } from "./api.js";
import { toRequest } from "./request.js";

const KEEP_EVERY_MS = 1000;

/** Runs at most one answer at a time. `listener` has began, grew, ended and keep, each with the turn. */
export class Generation {
  constructor(listener) {
    this.listener = listener;
    this.abort = null;
    this.stream = null;
    this.turn = null;
    this.conversation = null;
    this.isLeaving = false;
    // A page that is left ends its answer by no fault of the server's.
    window.addEventListener("pagehide", () => { this.isLeaving = true; });
    window.addEventListener("pageshow", () => { this.isLeaving = false; });
  }

  get isRunning() {
    return this.abort !== null;
  }

  /**
   * Answer the conversation as it stands; resolves when the answer has ended, however it did.
   * `access` promises the key and the device: the server's list of models may still be awaited.
   */
  async run(conversation, access) {
    const asked = [...conversation.turns];
    const abort = new AbortController();
    this.turn = newAnswer();
    this.conversation = conversation;
    this.abort = abort;
    conversation.turns.push(this.turn);
    this.stream = new AnswerStream(this.turn);
    this.listener.began(conversation, this.turn);
    try {
      const { key, device } = await access;
      this.stream.begin(device);
      const body = toRequest({ ...conversation, turns: asked });
      await this.consume(streamChat(body, { key, signal: abort.signal }));
    } catch (error) {
      this.fail(error, abort.signal);
    } finally {
      this.end();
    }
  }

  stop() {
    this.abort?.abort();
  }

  async consume(chunks) {
    let keptAt = performance.now();
    for await (const chunk of chunks) {
      this.stream.take(chunk);
      this.listener.grew(this.turn, this.stream);
      if (performance.now() - keptAt > KEEP_EVERY_MS) {
        keptAt = performance.now();
        this.listener.keep(this.conversation);
      }
    }
  }

  fail(error, signal) {
    if (signal.aborted) {
      this.turn.finish = "stopped";
      return;
    }
    if (!(error instanceof ApiError)) throw error;
    if (this.isLeaving) return;
    this.turn.finish = "failed";
    this.turn.error = { kind: error.kind, detail: error.detail, retryAfter: error.retryAfter };
  }

  end() {
    const { conversation, turn, stream } = this;
    turn.figures = stream.figures();
    conversation.updated = Date.now();
    this.abort = null;
    this.listener.ended(conversation, turn);
  }
}
