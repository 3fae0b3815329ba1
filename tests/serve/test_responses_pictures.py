"""Pictures in /v1/responses."""

from typing import Any

import pytest

from response_calls import ask_response, stream_response
from serve_apps import Api, ByteEngine, serve
from small_pictures import EACH, PARTS_TEMPLATE, data_url

TEXT = {"type": "input_text", "text": "what is this?"}
PLACES = "<|begin_of_image|>" * 6


def _serve() -> Api:
    engine = ByteEngine("a red one", vision=EACH)
    return serve(engine=engine, dialect="glm_edge", template=PARTS_TEMPLATE)


def _image(url: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": data_url() if url is None else url, **more}


def _refuse(api: Api, *items: Any) -> dict[str, Any]:
    return api.refuse_json({"messages": ..., "input": list(items)}, "/v1/responses")


def _user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize("detail", ["auto", "low", "high", "original", None])
def test_a_picture_comes_to_the_engine_behind_the_instructions(detail: str | None) -> None:
    api = _serve()
    reply = ask_response(api, instructions="S", input=[_user(TEXT, _image(detail=detail))])
    assert reply["output"][0]["content"][0]["text"] == "a red one"
    assert api.prompt == f"<|system|>\nS<|user|>\n{PLACES}what is this?<|assistant|>"
    assert [len(one) for one in api.engine.pictures] == [1]
    assert reply["usage"]["input_tokens"] == len(api.engine.requests[0][0])


def test_a_picture_stays_with_its_message_among_other_items() -> None:
    api = _serve()
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "a", "output": "sunny"}
    said = {"role": "assistant", "content": "yes"}
    ask_response(api, input=[_user(TEXT), said, call, result, _user(_image(), TEXT)])
    before, _, after = api.prompt.rpartition("<|user|>\n")
    assert PLACES not in before and after == f"{PLACES}what is this?<|assistant|>"


def test_a_stream_ends_with_the_same_usage() -> None:
    whole = ask_response(_serve(), input=[_user(_image())])
    events = stream_response(_serve(), input=[_user(_image())])
    assert events[-1]["response"]["usage"] == whole["usage"]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([_user(TEXT, _image("https://x/y.png"))], "input[0].content[1].image_url"),
        ([_user(_image("data:image/png;base64,AAAA"))], "input[0].content[0].image_url"),
        ([_user(_image("file:///etc/passwd"))], "input[0].content[0].image_url"),
        ([_user(_image(), _image())], "input[0].content[1]"),
        ([_user({"type": "input_image", "file_id": "f"})], "input[0].content[0].file_id"),
        ([_user({"type": "input_image"})], "input[0].content[0].image_url"),
        ([_user(_image(detail="huge"))], "input[0].content[0].detail"),
        ([{"role": "assistant", "content": [_image()]}], "input[0].content[0]"),
        ([{"role": "developer", "content": [_image()]}], "input[0].content[0]"),
        ([{"type": "function_call_output", "call_id": "a", "output": [_image()]}],
         "input[0].output[0].type"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(items: list[Any], param: str) -> None:
    api = _serve()
    assert _refuse(api, *items)["param"] == param
    assert not api.engine.requests


def test_a_model_of_text_refuses_the_part_by_name() -> None:
    error = _refuse(serve(), _user(TEXT, _image()))
    assert error["param"] == "input[0].content[1]" and "reads text only" in error["message"]
