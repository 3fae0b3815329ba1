"""The page in a browser: what it keeps, what it exports, and what it says when something fails."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ovglm.chat.conversation import Conversation
from ovglm.chat.saved import load_conversation, save_conversation
from ovglm.messages import Message, ToolCall
from ovglm_serve.settings import Settings
from page_server import PAUSE, PausingEngine, asked_for

OpenPage = Callable[..., Page]

CALL = 'get_weather\n{"city": "Beijing"}<|observation|>'


def ask(page: Page, text: str) -> None:
    """Ask, and wait for the end of the answer."""
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("[aria-busy=false]").last).to_be_visible()


def test_a_reload_keeps_the_conversation_and_goes_on_with_it(open_page: OpenPage) -> None:
    engine = PausingEngine("one", "two")
    page = open_page(engine)
    ask(page, "first")
    page.reload()
    expect(page.locator(".bubble, .prose")).to_have_text(["first", "one"])
    expect(page.locator(".figures")).to_contain_text("tokens")
    ask(page, "second")
    expect(page.locator(".bubble, .prose")).to_have_text(["first", "one", "second", "two"])
    expected = "<|user|>\nfirst<|assistant|>\none<|user|>\nsecond<|assistant|>"
    assert asked_for(engine)[-1] == expected


def test_a_reload_in_the_middle_keeps_what_had_come(open_page: OpenPage) -> None:
    engine = PausingEngine(f"The beginning {PAUSE}and the end.")
    page = open_page(engine)
    page.get_by_label("Your question").fill("first")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".prose")).to_have_text("The beginning")
    page.reload()
    expect(page.locator(".turn-note")).to_have_text("Interrupted")
    expect(page.locator(".prose")).to_have_text("The beginning")


def test_conversations_are_listed_opened_deleted_and_put_back(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one", "two"))
    ask(page, "about cats")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("heading", name="What is on your mind?")).to_be_visible()
    ask(page, "about dogs")
    names = page.locator(".chat-name")
    expect(names).to_have_text(["about dogs", "about cats"])
    names.last.click()
    expect(page.locator(".bubble, .prose")).to_have_text(["about cats", "one"])
    page.get_by_role("button", name="Delete “about cats”").click()
    expect(names).to_have_text(["about dogs"])
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(names).to_have_count(2)
    expect(page.locator(".bubble, .prose")).to_have_text(["about cats", "one"])


def test_a_conversation_deleted_while_it_is_answered_stays_deleted(open_page: OpenPage) -> None:
    page = open_page(PausingEngine(f"The beginning {PAUSE}and the end."))
    page.get_by_label("Your question").fill("first")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".prose")).to_have_text("The beginning")
    page.get_by_role("button", name="Delete “first”").click()
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    expect(page.locator(".chat-name")).to_have_count(0)


def test_the_export_is_a_file_that_the_terminal_chat_loads(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(PausingEngine("one"))
    expect(page.get_by_role("button", name="Export as JSON")).to_be_disabled()
    ask(page, "first: a question?")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as JSON").click()
    assert download.value.suggested_filename.endswith("-first-a-question.json")
    file = tmp_path / "chat.json"
    download.value.save_as(file)
    turns = load_conversation(file).turns
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "first: a question?"),
        ("assistant", "one"),
    ]
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["model"] == "fake"
    assert document["turns"][1]["finish_reason"] == "stop"
    assert document["turns"][1]["figures"]["device"] == "CPU"


def test_the_export_has_calls_and_results(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(PausingEngine(CALL, "It is sunny."))
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Put in an example").click()
    ask(page, "the weather?")
    page.get_by_label("Result of get_weather").fill("clear")
    page.get_by_role("button", name="Send the result").click()
    expect(page.locator(".prose").last).to_have_text("It is sunny.")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as JSON").click()
    download.value.save_as(tmp_path / "chat.json")
    document = json.loads((tmp_path / "chat.json").read_text(encoding="utf-8"))
    roles = [turn["role"] for turn in document["turns"]]
    assert roles == ["user", "assistant", "tool", "assistant"]
    call = document["turns"][1]["tool_calls"][0]
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Beijing"}'}
    assert document["turns"][2] == {"role": "tool", "tool_call_id": call["id"], "content": "clear"}
    loaded = load_conversation(tmp_path / "chat.json").turns
    assert [turn.role for turn in loaded] == roles
    assert loaded[1].tool_calls[0].name == "get_weather" and loaded[2].content == "clear"


def import_file(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a conversation").click()
    chooser.value.set_files(file)


def test_what_the_terminal_chat_saved_is_imported_and_goes_on(
    open_page: OpenPage, tmp_path: Path
) -> None:
    file = tmp_path / "chat.json"
    call = ToolCall("get_weather", '{"city": "Rome"}', "a")
    turns = (
        Message("user", "the weather?"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "clear", tool_call_id="a"),
        Message("assistant", "It is *sunny*.", thought="So it is."),
    )
    save_conversation(file, Conversation("Be brief.", turns), "nano")
    engine = PausingEngine("two")
    page = open_page(engine)
    import_file(page, file)
    expect(page.locator(".bubble")).to_have_text("the weather?")
    expect(page.locator(".prose").last).to_have_text("It is sunny.")
    expect(page.locator(".chat-name")).to_have_text(["the weather?"])
    ask(page, "thanks")
    expect(page.locator(".prose").last).to_have_text("two")
    begin, _, end = asked_for(engine)[-1].partition("<|observation|>")
    assert begin == (
        '<|system|>\nBe brief.<|user|>\nthe weather?<|assistant|>get_weather\n{"city": "Rome"}'
    )
    assert end == "\nclear<|assistant|>\nIt is *sunny*.<|user|>\nthanks<|assistant|>"
    page.reload()
    expect(page.locator(".bubble")).to_have_text(["the weather?", "thanks"])


def test_an_export_that_is_imported_is_the_same_again(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(PausingEngine("one"))
    ask(page, "first")
    documents = []
    for name in ("a.json", "b.json"):
        with page.expect_download() as download:
            page.get_by_role("button", name="Export as JSON").click()
        download.value.save_as(tmp_path / name)
        documents.append(json.loads((tmp_path / name).read_text(encoding="utf-8")))
        import_file(page, tmp_path / name)
        expect(page.locator(".bubble")).to_have_text("first")
    assert documents[0] == documents[1]
    expect(page.locator(".chat-name")).to_have_count(3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("diary", "is not JSON"),
        ('{"turns": []}', "is no conversation"),
        ('{"kind": "ovglm conversation", "format_version": 9, "turns": []}', "another version"),
        (
            '{"kind": "ovglm conversation", "format_version": 1, "turns": [{"role": "tool", '
            '"content": "x"}]}',
            "turn 1 does not fit",
        ),
    ],
)
def test_another_file_is_refused_in_one_sentence(
    open_page: OpenPage, tmp_path: Path, content: str, words: str
) -> None:
    page = open_page(PausingEngine("one"))
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    import_file(page, tmp_path / "x.json")
    expect(page.locator("#toasts")).to_contain_text(words)
    expect(page.locator(".chat-name")).to_have_count(0)


def test_the_key_is_asked_for_only_where_one_is_needed(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    ask(page, "first")
    expect(page.locator("#api-key")).to_have_count(0)


def test_a_server_with_a_key_gets_it_from_the_page(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"), settings=Settings(api_key="right"))
    field = page.get_by_label("This server needs its API key")
    expect(field).to_be_focused()
    field.fill("wrong")
    field.press("Enter")
    refused = page.get_by_label("That key was refused. Is there another?")
    refused.fill("right")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#facts")).to_contain_text("CPU")
    expect(page.locator("#api-key")).to_have_count(0)
    ask(page, "first")
    expect(page.locator(".prose")).to_have_text("one")
    page.reload()
    expect(page.locator("#facts")).to_contain_text("CPU")
    stored = page.evaluate("[localStorage['ovglm.key'], sessionStorage['ovglm.key']]")
    assert stored == [None, '"right"']


def test_a_refusal_is_shown_with_the_servers_words(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one", context=64))
    ask(page, "x" * 100)
    card = page.get_by_role("alert")
    expect(card).to_contain_text("The request was refused")
    expect(card).to_contain_text("the longest that fake takes on CPU has 63")
    expect(card.get_by_role("button", name="Try again")).to_be_visible()


def test_a_server_that_is_gone_is_named_and_can_be_asked_again(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    expect(page.locator("#facts")).to_contain_text("CPU")
    page.context.set_offline(True)
    ask(page, "first")
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    expect(page.locator("#facts")).to_have_text("no connection")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".prose")).to_have_text("one")
    expect(page.locator("#facts")).to_contain_text("CPU")


def test_a_full_storage_is_said_and_the_chat_goes_on(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'Quota'); }; }"
    )
    ask(page, "first")
    expect(page.locator(".prose")).to_have_text("one")
    expect(page.locator("#toasts")).to_contain_text("this conversation is not kept")
