"""What clients get, as OpenAI defines it; fields that are not OpenAI's are marked as extensions."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

__all__ = [
    "CallDelta",
    "ChatChoice",
    "ChatChunk",
    "ChatCompletion",
    "ChatDelta",
    "ChunkChoice",
    "Completion",
    "CompletionChoice",
    "CompletionScores",
    "Detokenized",
    "ErrorReply",
    "FinishWord",
    "Health",
    "ModelCard",
    "ModelCards",
    "ModelStateWord",
    "ReplyMessage",
    "Scores",
    "TokenScore",
    "Tokenized",
    "UsageReply",
    "VisionCard",
]

FinishWord = Literal["stop", "length", "tool_calls"]
ModelStateWord = Literal["unloaded", "loading", "ready", "restarting", "down"]


class _CachedTokens(TypedDict):
    cached_tokens: int


class UsageReply(TypedDict):
    """Counted tokens; those of all answers together."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _CachedTokens


class _BestScore(TypedDict):
    token: str
    logprob: float
    bytes: list[int]


class TokenScore(_BestScore):
    """One token's natural logarithm of its probability, and the likeliest tokens in its place."""

    top_logprobs: list[_BestScore]


class Scores(TypedDict):
    """The scores of all tokens that the model made, those of thoughts and calls too."""

    content: list[TokenScore]
    refusal: None


class _Function(TypedDict):
    name: str
    arguments: str


class _Call(TypedDict):
    id: str
    type: Literal["function"]
    function: _Function


class ReplyMessage(TypedDict):
    """An answer; `reasoning_content` is an extension, what the model thought before it."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[_Call]]


class ChatChoice(TypedDict):
    """One of the answers to a prompt."""

    index: int
    message: ReplyMessage
    logprobs: Scores | None
    finish_reason: FinishWord


class ChatCompletion(TypedDict):
    """The reply of /v1/chat/completions without `stream`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: UsageReply


class _FunctionDelta(TypedDict):
    name: NotRequired[str]
    arguments: str


class CallDelta(TypedDict):
    """A piece of a call; `index` tells the calls of one answer apart."""

    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: _FunctionDelta


class ChatDelta(TypedDict):
    """What has come to an answer."""

    role: NotRequired[Literal["assistant"]]
    content: NotRequired[str | None]
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[CallDelta]]


class ChunkChoice(TypedDict):
    """A piece of one of the answers to a prompt."""

    index: int
    delta: ChatDelta
    logprobs: Scores | None
    finish_reason: FinishWord | None


class ChatChunk(TypedDict):
    """One event of a streamed chat."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: NotRequired[UsageReply | None]


class CompletionScores(TypedDict):
    """The scores of a text's tokens; `text_offset` counts characters."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(TypedDict):
    """One of the texts, or in a stream a piece of it."""

    index: int
    text: str
    logprobs: CompletionScores | None
    finish_reason: FinishWord | None


class Completion(TypedDict):
    """The reply of /v1/completions, and each event of its stream."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: NotRequired[UsageReply | None]


class _ErrorDetail(TypedDict):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(TypedDict):
    """Any error."""

    error: _ErrorDetail


class VisionCard(TypedDict):
    """What a model makes of a picture.

    image_size: pixels of each side of what it sees. tokens_per_picture: of a prompt, whatever the
    picture's size. most_pictures: in one conversation.
    """

    image_size: int
    tokens_per_picture: int
    most_pictures: int


class ModelCard(TypedDict):
    """A model; all from `state` on are extensions.

    device: where it runs, or will when it is loaded. context: prompt and answer together, in
    tokens. tools: `native` where the model was trained to call them, `instructed` where it is told
    how in its system message. vision: null where the model reads text only.
    """

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    state: ModelStateWord
    why: str
    device: str | None
    device_name: str | None
    device_reason: str | None
    context: int
    max_prompt: int | None
    recipe: str
    dialect: str
    tools: Literal["native", "instructed"]
    thinks: bool
    vision: VisionCard | None


class ModelCards(TypedDict):
    """All models."""

    object: Literal["list"]
    data: list[ModelCard]


class Tokenized(TypedDict):
    """The reply of /v1/tokenize.

    count: as `usage` counts a prompt, all of a picture's tokens in it; `tokens` may hold fewer for
    one. max_model_len: the context, in tokens.
    """

    tokens: list[int]
    count: int
    max_model_len: int


class Detokenized(TypedDict):
    """The reply of /v1/detokenize."""

    prompt: str


class Health(TypedDict):
    """The reply of /health; models: the state of each."""

    status: Literal["loading", "ready", "restarting", "down", "stopping"]
    models: dict[str, ModelStateWord]
