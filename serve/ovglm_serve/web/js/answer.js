// A turn of the assistant that grows chunk by chunk, and its figures. Times are in seconds.

// Over a shorter time the speed would be that of the network.
const SHORTEST_S = 0.02;

/** Begin an empty answer. */
export function newAnswer() {
  return { role: "assistant", text: "", thinking: "", calls: [], finish: null, figures: null, error: null };
}

/** Takes the chunks of one streamed completion and puts them into a turn. */
export class AnswerStream {
  constructor(turn) {
    this.turn = turn;
    this.begin(null);
    this.firstAt = null;
    this.lastAt = null;
    this.pieces = 0;
    this.usage = null;
  }

  /** Count the time from now on. */
  begin(device) {
    this.device = device;
    this.start = now();
  }

  take(chunk) {
    if (chunk.usage) this.usage = chunk.usage;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    if (this.grow(choice.delta ?? {})) this.markTime();
    if (choice.finish_reason) this.turn.finish = choice.finish_reason;
  }

  grow({ content, reasoning_content, tool_calls }) {
    if (content) this.turn.text += content;
    if (reasoning_content) this.turn.thinking += reasoning_content;
    for (const piece of tool_calls ?? []) this.growCall(piece);
    return Boolean(content || reasoning_content || tool_calls?.length);
  }

  growCall({ index, id, function: called }) {
    const calls = this.turn.calls;
    calls[index] ??= { id: "", name: "", arguments: "", result: null };
    if (id) calls[index].id = id;
    if (called?.name) calls[index].name += called.name;
    if (called?.arguments) calls[index].arguments += called.arguments;
  }

  markTime() {
    this.lastAt = now();
    this.firstAt ??= this.lastAt;
    this.pieces += 1;
  }

  /** The figures so far: exact once the usage has come, until then counted in pieces; null at first. */
  figures() {
    if (this.firstAt === null) return null;
    const tokens = this.usage?.completion_tokens ?? this.pieces;
    const decode = this.lastAt - this.firstAt;
    return {
      device: this.device,
      is_exact: this.usage !== null,
      prompt_tokens: this.usage?.prompt_tokens ?? null,
      cached_tokens: this.usage?.prompt_tokens_details?.cached_tokens ?? null,
      tokens,
      first_s: this.firstAt - this.start,
      speed: tokens > 1 && decode > SHORTEST_S ? (tokens - 1) / decode : null,
    };
  }
}

function now() {
  return performance.now() / 1000;
}
