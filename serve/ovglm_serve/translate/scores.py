"""From scored tokens to OpenAI's log-probabilities, in the forms of the two endpoints."""

from collections.abc import Sequence

from ovglm.tokens import Tokenizer
from ovglm_serve.generation import Score
from ovglm_serve.schema.replies import CompletionScores, Scores, TokenScore

__all__ = ["to_completion_scores", "to_scores"]

# What OpenAI writes for a token that is as good as impossible; JSON has no infinity.
_LOWEST = -9999.0


def to_scores(scores: Sequence[Score], tokenizer: Tokenizer) -> Scores:
    """Write the scores of a chat's tokens."""
    return {"content": [_to_token(one, tokenizer) for one in scores], "refusal": None}


def to_completion_scores(
    scores: Sequence[Score], tokenizer: Tokenizer, offset: int
) -> CompletionScores:
    """Write the scores of a text's tokens. offset: where the first begins, in characters."""
    tokens = [_text(one.token, tokenizer) for one in scores]
    offsets: list[int] = []
    for text in tokens:
        offsets.append(offset)
        offset += len(text)
    return {
        "tokens": tokens,
        "token_logprobs": [max(one.logprob, _LOWEST) for one in scores],
        "top_logprobs": [_to_table(one, tokenizer) for one in scores],
        "text_offset": offsets,
    }


def _to_token(score: Score, tokenizer: Tokenizer) -> TokenScore:
    data = tokenizer.token_bytes(score.token, skip_special=False)
    return {
        "token": data.decode("utf-8", "replace"),
        "logprob": max(score.logprob, _LOWEST),
        "bytes": list(data),
        "top_logprobs": [
            {
                "token": _text(token, tokenizer),
                "logprob": max(logprob, _LOWEST),
                "bytes": list(tokenizer.token_bytes(token, skip_special=False)),
            }
            for token, logprob in score.best
        ],
    }


def _to_table(score: Score, tokenizer: Tokenizer) -> dict[str, float]:
    """Name the chosen token and the likeliest; where two have the same text, the first stays."""
    table = {_text(score.token, tokenizer): max(score.logprob, _LOWEST)}
    for token, logprob in score.best:
        table.setdefault(_text(token, tokenizer), max(logprob, _LOWEST))
    return table


def _text(token: int, tokenizer: Tokenizer) -> str:
    return tokenizer.token_bytes(token, skip_special=False).decode("utf-8", "replace")
