"""The API's document: every route with its errors and examples, and nothing that is not so."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from openai.types.shared.reasoning_effort import ReasoningEffort as openai_efforts
from starlette.routing import BaseRoute

from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from ovglm_serve.schema.chat import ChatRequest
from ovglm_serve.schema.harmless import HarmlessOfRequest
from serve_apps import Api, serve

# Routes that are no API: the page, the document itself.
_UNDOCUMENTED = {"/", "/page/{name:path}", "/docs", "/openapi.json"}
_BODIES = (
    ("/v1/chat/completions", "ChatRequest"),
    ("/v1/completions", "CompletionRequest"),
    ("/v1/tokenize", "TokenizeRequest"),
    ("/v1/detokenize", "DetokenizeRequest"),
    ("/v1/responses", "ResponseRequest"),
)
Node = dict[str, Any]


@pytest.fixture
def api() -> Api:
    return serve("ok")


@pytest.fixture
def document(api: Api) -> Node:
    reply = api.client.get("/openapi.json")
    assert reply.status_code == 200
    return reply.json()


def _operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _routes(routes: list[BaseRoute]) -> Iterator[str]:
    """List all paths; routers that are included may be nested."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            yield from _routes(inner.routes)
        else:
            yield getattr(route, "path", "")


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_every_route_of_the_api_is_in_the_document(api: Api, document: Node) -> None:
    app: Any = api.client.app
    paths = set(_routes(app.routes))
    assert "/v1/chat/completions" in paths
    documented = {path.replace("{name}", "{name:path}") for path in document["paths"]}
    assert paths - _UNDOCUMENTED == documented


def test_all_references_lead_somewhere(document: Node) -> None:
    schemas = document["components"]["schemas"]
    found = {one.removeprefix("#/components/schemas/") for one in _references(document)}
    assert found <= set(schemas)
    assert found == set(schemas), "a schema that nothing refers to"


def test_every_operation_says_what_it_does_and_answers(document: Node) -> None:
    for path, method, operation in _operations(document):
        assert operation["description"], (method, path)
        content = operation["responses"]["200"]["content"]
        assert all(one.get("schema") or one["itemSchema"] for one in content.values()), path


def test_every_operation_documents_openais_error_and_never_fastapis(document: Node) -> None:
    reference = {"$ref": "#/components/schemas/ErrorReply"}
    for path, method, operation in _operations(document):
        replies = operation["responses"]
        assert "422" not in replies, (method, path)
        for status in ("4XX", "5XX"):
            assert replies[status]["content"]["application/json"]["schema"] == reference
            assert replies[status]["description"]


@pytest.mark.parametrize(("path", "name"), _BODIES)
def test_every_example_of_a_request_works(document: Node, path: str, name: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": f"#/components/schemas/{name}"}
    examples = document["components"]["schemas"][name]["examples"]
    assert examples
    for example in examples:
        reply = serve("ok").client.post(path, json={**example, "model": "fake"})
        assert reply.status_code == 200, reply.text


def test_the_example_of_a_stream_is_one(document: Node) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        example = content["text/event-stream"]["example"]
        assert example.startswith("data: ") and example.endswith("\n\n")
        assert set(content) == {"application/json", "text/event-stream"}


@pytest.mark.parametrize(("path", "name"), _BODIES)
def test_unknown_fields_are_excluded_by_the_document(document: Node, path: str, name: str) -> None:
    schema = document["components"]["schemas"][name]
    assert schema["additionalProperties"] is False
    assert "model" in schema["required"]


def test_every_field_has_a_type_and_those_without_effect_say_so(document: Node) -> None:
    fields = document["components"]["schemas"]["ChatRequest"]["properties"]
    assert set(fields) == set(ChatRequest.model_fields)
    for name in HarmlessOfRequest.model_fields:
        assert fields[name]["description"]


@pytest.mark.parametrize(
    ("field", "setting"),
    [
        ("max_tokens", "max_new_tokens"),
        *((name, name) for name in ("temperature", "top_p", "top_k", "min_p", "n", "seed")),
        *((name, name) for name in ("presence_penalty", "frequency_penalty")),
        ("repetition_penalty", "repetition_penalty"),
        ("top_logprobs", "top_logprobs"),
    ],
)
def test_documented_limits_are_those_of_the_engine(
    document: Node, field: str, setting: str
) -> None:
    schema = document["components"]["schemas"]["ChatRequest"]["properties"][field]
    limits = {
        name: schema[name]
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if name in schema
    }
    assert "minimum" in limits or "exclusiveMinimum" in limits
    more: dict[str, Any] = {"logprobs": True} if field == "top_logprobs" else {}
    for name, limit in limits.items():
        if name.startswith("exclusive"):
            with pytest.raises(OvglmError):
                Sampling(**{setting: limit, **more})
            continue
        Sampling(**{setting: limit, **more})
        step = -1 if name == "minimum" else 1
        with pytest.raises(OvglmError):
            Sampling(**{setting: limit + step, **more})


def test_integers_are_documented_to_what_is_taken(api: Api, document: Node) -> None:
    fields = document["components"]["schemas"]["ChatRequest"]["properties"]
    seed = fields["seed"]["anyOf"][0]
    assert api.say(seed=int(seed["maximum"])) == "ok"
    assert api.say(seed=2**63 - 1) == "ok"
    assert api.refuse(seed=2**63)["param"] == "seed"


def test_efforts_are_those_of_openais_package(document: Node) -> None:
    (efforts, _) = get_args(openai_efforts)
    fields = document["components"]["schemas"]["ChatRequest"]["properties"]
    assert fields["reasoning_effort"]["anyOf"][0]["enum"] == list(get_args(efforts))


def test_without_a_key_the_document_asks_for_none(document: Node) -> None:
    assert "security" not in document and "securitySchemes" not in document["components"]


def test_the_key_is_in_the_document_and_where_it_is_not_asked_for() -> None:
    client = serve("ok", api_key="secret").client
    document = client.get("/openapi.json").json()
    (name,) = document["components"]["securitySchemes"]
    assert document["components"]["securitySchemes"][name]["scheme"] == "bearer"
    assert document["security"] == [{name: []}]
    for path, method, operation in _operations(document):
        url = path.replace("{name}", "fake")
        is_open = operation.get("security") == []
        assert (client.request(method, url).status_code != 401) == is_open, path
    assert "secret" not in client.get("/openapi.json").text


def test_replies_have_the_documented_fields(api: Api, document: Node) -> None:
    schemas = document["components"]["schemas"]
    asked = {
        "Health": api.client.get("/health").json(),
        "ModelCards": api.client.get("/v1/models").json(),
        "ModelCard": api.client.get("/v1/models/fake").json(),
        "ErrorReply": api.client.get("/v1/models/absent").json(),
        "ChatCompletion": api.chat(),
    }
    for name, reply in asked.items():
        assert set(reply) == set(schemas[name]["required"]), name


def test_the_page_of_the_document_names_every_route(api: Api, document: Node) -> None:
    page = api.client.get("/docs").text
    assert all(path in page for path in document["paths"])


def test_the_document_is_the_same_each_time(document: Node) -> None:
    again = serve("ok").client.get("/openapi.json").json()
    assert json.dumps(again) == json.dumps(document)


def test_private_routes_have_no_place_in_it(api: Api, document: Node) -> None:
    app: Any = api.client.app
    hidden = [
        one.path
        for one in app.routes
        if isinstance(one, APIRoute) and not one.include_in_schema and one.path
    ]
    assert not set(hidden) & set(document["paths"])
