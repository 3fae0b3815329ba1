"""Asks /v1/responses, for its tests."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from serve_apps import Api

__all__ = ["ask_response", "post_response", "read_events", "stream_response", "types_of"]


def post_response(api: Api, **fields: Any) -> Any:
    """Ask; the reply must be a good one."""
    reply = api.client.post("/v1/responses", json={"model": "fake", "input": "hi", **fields})
    assert reply.status_code == 200, reply.text
    return reply


def ask_response(api: Api, **fields: Any) -> dict[str, Any]:
    """Ask; give the reply."""
    return post_response(api, **fields).json()


def stream_response(api: Api, **fields: Any) -> list[dict[str, Any]]:
    """Ask for a stream; give its events."""
    return read_events(post_response(api, stream=True, **fields).text)


def read_events(text: str) -> list[dict[str, Any]]:
    """Read the events of a stream; their names and numbers must be right."""
    *pieces, rest = text.split("\n\n")
    assert rest == ""
    events = []
    for number, piece in enumerate(pieces):
        name, data = piece.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        events.append(event)
    return events


def types_of(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the events, repeated ones once."""
    names = [event["type"].removeprefix("response.") for event in events]
    return [one for place, one in enumerate(names) if names[place - 1 : place] != [one]]
