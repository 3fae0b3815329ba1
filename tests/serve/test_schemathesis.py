"""schemathesis makes requests from our own document; none may end in a 5xx or a false reply."""

from collections import Counter
from dataclasses import replace
from typing import Any, Literal

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ovglm_serve.schema.replies import ChatChunk, Completion
from response_calls import read_events
from serve_apps import Api, ByteEngine, events_of, serve
from small_pictures import EACH, PARTS_TEMPLATE, data_url

_HOST = "http://127.0.0.1"
_CALL = '<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>"x"</arg_value>\n</tool_call>'
# The dialect, and what its engine always answers.
_MODELS = {
    "glm4": "plain text",
    "glm45": f"\n<think>so</think>\nhere{_CALL}",
    "glm_edge": '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
}
_CHAT, _TEXT = "/v1/chat/completions", "/v1/completions"
_RESPONSES = "/v1/responses"
_TOKENIZE, _DETOKENIZE = "/v1/tokenize", "/v1/detokenize"
# Not a dialect: a model that takes pictures.
_PICTURES = "pictures"
# Path, dialect, and how many requests that fit the document and that do not.
_PLAN = (
    (_CHAT, "glm4", 300, 150),
    (_CHAT, "glm45", 120, 20),
    (_CHAT, "glm_edge", 120, 20),
    (_CHAT, _PICTURES, 200, 50),
    (_TEXT, "glm4", 250, 150),
    (_RESPONSES, "glm4", 250, 150),
    (_RESPONSES, "glm45", 120, 20),
    (_RESPONSES, _PICTURES, 200, 50),
    (_TOKENIZE, "glm4", 150, 100),
    (_DETOKENIZE, "glm4", 150, 100),
)
_EVENTS: dict[str, TypeAdapter[Any]] = {
    _CHAT: TypeAdapter(ChatChunk),
    _TEXT: TypeAdapter(Completion),
    _RESPONSES: TypeAdapter(ResponseStreamEvent),
}
_NAMES = 120
_RAW = 200

# A request that fits its schema may still be refused (an unknown model), so 400 is no failure.
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


# schemathesis reads a stream's first events only, unless it is told otherwise
_ENDLESS = 1_000_000


def _cases(
    api: Api, path: str, method: str, mode: Literal["positive", "negative"] = "positive"
) -> SearchStrategy[Case]:
    app: Any = api.client.app
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    schema.config.max_stream_events = _ENDLESS
    return schema[path][method].as_strategy(generation_mode=GenerationMode(mode))


def _fixed(examples: int) -> settings:
    """Make the same cases each time, and keep nothing."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )


def _serve(dialect: str) -> Api:
    if dialect != _PICTURES:
        return serve(_MODELS[dialect], dialect=dialect)
    engine = ByteEngine("plain text", vision=replace(EACH, most_pictures=4))
    return serve(engine=engine, dialect="glm_edge", template=PARTS_TEMPLATE)


def _show(value: Any) -> Any:
    """Put a real picture in the place of every second one."""
    if isinstance(value, list):
        return [_show(one) for one in value]
    if not isinstance(value, dict):
        return value
    url = value.get("url", value.get("image_url"))
    if isinstance(url, str) and len(url) % 2 == 0:
        return {**value, "url" if "url" in value else "image_url": data_url()}
    return {name: _show(one) for name, one in value.items()}


def _send(case: Case) -> int:
    response = case.call(base_url=_HOST)
    case.validate_response(response, checks=_CHECKS)
    if response.headers["content-type"][0].startswith("text/event-stream"):
        _check_events(response.content, case.path)
    return response.status_code


def _check_events(body: bytes, path: str) -> None:
    """Hold each event of a stream to its type: the document says of it only that it is JSON."""
    kind = _EVENTS[path]
    read = read_events if path == _RESPONSES else events_of
    for event in read(body.decode()):
        kind.validate_python(event, strict=path != _RESPONSES)


def _name_the_model(body: Any) -> Any:
    """Ask for what is there: a model and tokens of it; write 1.0 as clients do, as 1."""
    body = _plain(body)
    if isinstance(body, dict) and "model" in body:
        body["model"] = "fake"
        if isinstance(body.get("tokens"), list):
            body["tokens"] = [one % 261 for one in body["tokens"]]
    return body


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_two_thousand_requests_are_planned_and_every_route_that_takes_a_body() -> None:
    assert sum(right + wrong for _, _, right, wrong in _PLAN) >= 2000
    app: Any = serve("ok").client.app
    posts = {path for path, methods in app.openapi()["paths"].items() if "post" in methods}
    assert {path for path, *_ in _PLAN} == posts


@pytest.mark.parametrize(("path", "dialect", "right", "_wrong"), _PLAN)
def test_requests_that_fit_the_document_get_a_documented_reply(
    path: str, dialect: str, right: int, _wrong: int
) -> None:
    api, seen = _serve(dialect), Counter[int]()

    @_fixed(right)
    @given(_cases(api, path, "POST"))
    def ask(case: Case) -> None:
        body = _name_the_model(case.body)
        case.body = _show(body) if dialect == _PICTURES else body
        seen[_send(case)] += 1

    ask()
    assert seen.total() >= right and set(seen) <= {200, 400}
    assert seen[200] >= right / 10, f"hardly any request gets past the checks: {seen}"


@pytest.mark.parametrize(("path", "dialect", "_right", "wrong"), _PLAN)
def test_requests_that_do_not_fit_the_document_are_refused(
    path: str, dialect: str, _right: int, wrong: int
) -> None:
    api, seen = _serve(dialect), Counter[int]()

    @_fixed(wrong)
    @given(_cases(api, path, "POST", "negative"))
    def ask(case: Case) -> None:
        seen[_send(case)] += 1

    ask()
    assert seen.total() >= wrong and all(400 <= status < 500 for status in seen)
    assert not api.engine.requests


def test_any_name_of_a_model_is_found_or_not() -> None:
    api, seen = serve("ok"), Counter[int]()

    @_fixed(_NAMES)
    @given(_cases(api, "/v1/models/{name}", "GET"))
    def ask(case: Case) -> None:
        seen[_send(case)] += 1

    ask()
    assert set(seen) == {404} and seen.total() >= _NAMES


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/metrics"])
def test_requests_without_parameters_get_a_documented_reply(path: str) -> None:
    api, seen = serve("ok"), Counter[int]()

    @_fixed(1)
    @given(_cases(api, path, "GET"))
    def ask(case: Case) -> None:
        seen[_send(case)] += 1

    ask()
    assert seen == {200: 1}


@pytest.mark.parametrize("path", [_CHAT, _TEXT, _RESPONSES, _TOKENIZE, _DETOKENIZE])
def test_any_bytes_are_refused_politely(path: str) -> None:
    api = serve("ok")

    @_fixed(_RAW)
    @given(
        st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
        st.sampled_from(["application/json", "text/plain", "", "application/json; charset=x"]),
    )
    def send(body: bytes, kind: str) -> None:
        reply = api.client.post(path, content=body, headers={"content-type": kind})
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"]["type"] == "invalid_request_error"

    send()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_other_methods_are_refused_with_openais_error(method: str) -> None:
    client = serve("ok").client
    for path in (_CHAT, _TEXT, _RESPONSES, _TOKENIZE, "/v1/models", "/health", "/metrics"):
        reply = client.request(method, path)
        assert reply.status_code in (403, 405), (path, reply.status_code)
        assert set(reply.json()) == {"error"}
