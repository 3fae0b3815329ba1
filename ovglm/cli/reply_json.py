"""What `ovglm run --json` prints."""

from typing import Any

from ovglm.answers import FullAnswer, FullReply
from ovglm.assistant import Assistant
from ovglm.messages import Usage

__all__ = ["reply_to_json"]


def reply_to_json(assistant: Assistant, reply: FullReply) -> dict[str, Any]:
    """Describe the answers, their figures, and what made them; `answers` are all of several."""
    answers = [_answer_to_json(assistant, one) for one in reply.answers]
    several = {"answers": answers} if len(answers) > 1 else {}
    return {**answers[0], **several, "usage": _usage_to_json(reply.usage), **_where(assistant)}


def _answer_to_json(assistant: Assistant, answer: FullAnswer) -> dict[str, Any]:
    document: dict[str, Any] = {"text": answer.text, "finish_reason": answer.finish_reason}
    if answer.logprobs:
        pairs = zip(answer.token_ids, answer.logprobs, strict=True)
        document["logprobs"] = [
            {
                "id": token,
                "token": assistant.tokenizer.decode([token], skip_special=False),
                "logprob": value,
            }
            for token, value in pairs
        ]
    return document


def _usage_to_json(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "reply_tokens": usage.reply_tokens,
        "first_token_s": round(usage.first_token_s, 4),
        "total_s": round(usage.total_s, 4),
        "tokens_per_s": round(usage.tokens_per_s, 2) if usage.tokens_per_s else None,
    }


def _where(assistant: Assistant) -> dict[str, Any]:
    info = assistant.engine.info
    return {
        "model": info.model,
        "folder": info.folder,
        "device": info.device,
        "device_name": info.device_name,
        **({"vision_device": info.vision_device} if info.vision else {}),
        "is_emulated": info.is_emulated,
        "engine": info.kind,
        "reason": info.reason,
        "context": info.context,
        "load_s": round(info.load_s, 3),
        "cache": info.cache,
        "notes": list(info.notes),
    }
