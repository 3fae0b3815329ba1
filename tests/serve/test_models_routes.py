"""/v1/models: what is served, and where it runs."""

from starlette.testclient import TestClient

from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from serve_apps import ByteEngine, fake_model, serve


def test_the_list_names_each_model_with_its_device() -> None:
    reply = serve().client.get("/v1/models").json()
    (card,) = reply["data"]
    assert reply["object"] == "list"
    assert card.pop("created") > 1_700_000_000
    assert card == {
        "id": "fake",
        "object": "model",
        "owned_by": "ovglm",
        "state": "ready",
        "why": "",
        "device": "CPU",
        "device_name": "a fake CPU",
        "device_reason": "it was asked for",
        "context": 4096,
        "max_prompt": 4095,
        "recipe": "int4",
        "dialect": "glm4",
        "tools": "native",
        "thinks": False,
        "vision": None,
    }


def test_a_model_whose_tools_are_only_told_is_marked() -> None:
    card = serve(dialect="glm_edge").client.get("/v1/models/fake").json()
    assert (card["dialect"], card["tools"]) == ("glm_edge", "instructed")


def test_a_model_that_thinks_is_marked() -> None:
    assert serve(dialect="glm45").client.get("/v1/models/fake").json()["thinks"] is True


def test_one_model_is_the_same_as_in_the_list_also_with_a_slash_in_its_name() -> None:
    models = (fake_model(ByteEngine(), name) for name in ("org/one", "other"))
    client = TestClient(create_app(ModelPool.of(*models), Settings()), base_url="http://127.0.0.1")
    listed = client.get("/v1/models").json()["data"]
    assert [card["id"] for card in listed] == ["org/one", "other"]
    assert client.get("/v1/models/org/one").json() == listed[0]


def test_an_unknown_model_is_404() -> None:
    reply = serve().client.get("/v1/models/other")
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"


def test_the_document_describes_requests_and_replies() -> None:
    document = serve().client.get("/openapi.json").json()
    assert "/v1/chat/completions" in document["paths"]
    assert {"ChatRequest", "ChatCompletion", "ErrorReply"} <= set(document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for method in methods.values():
            assert "422" not in method["responses"], path


def test_the_document_is_shown_as_a_page_that_loads_nothing() -> None:
    reply = serve().client.get("/docs")
    assert reply.status_code == 200
    assert "POST /v1/chat/completions" in reply.text and "parallel_tool_calls" in reply.text
    assert "http" not in reply.text.replace("https://spec.openapis.org", "")
    assert "<script" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
