"""The page in a browser: pictures shown, kept, edited, exported and imported."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ovglm.chat.conversation import Conversation
from ovglm.chat.saved import load_conversation, save_conversation
from ovglm.messages import Message
from ovglm.pictures import read_picture
from page_pictures import choose, file, ready, seen, send, tray, vision_engine
from page_server import PausingEngine
from serve_apps import fake_model
from small_pictures import EACH, data_url, picture_file

OpenPage = Callable[..., Page]

PHONE = {"width": 360, "height": 680}
TWO = replace(EACH, most_pictures=2)


def test_a_reload_keeps_the_picture_and_the_next_question_is_about_it(
    open_page: OpenPage,
) -> None:
    engine = vision_engine("red", "round")
    page = ready(open_page(engine))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    page.reload()
    expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    ready(page)
    send(page, "what shape?")
    expect(page.locator(".prose")).to_have_text(["red", "round"])
    assert seen(engine)[0].digest == read_picture(picture_file(), EACH).digest


def test_a_model_that_was_changed_keeps_the_preview_and_says_why_not(open_page: OpenPage) -> None:
    engine, other = vision_engine(), PausingEngine("one")
    page = ready(open_page(engine, fake_model(other, "other")))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    page.get_by_role("combobox", name="Model").select_option("other")
    page.get_by_label("Your question").fill("what?")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("other reads text only")
    expect(tray(page)).to_have_count(1)
    expect(page.get_by_label("Your question")).to_have_value("what?")
    assert not other.requests


def test_a_question_is_edited_with_its_picture(open_page: OpenPage) -> None:
    engine = vision_engine("one", "two", "three")
    page = ready(open_page(engine))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    page.get_by_label("Your question").press("ArrowUp")
    editor = page.locator("form.editor")
    expect(editor.get_by_role("img", name="Picture 1")).to_be_visible()
    editor.get_by_role("textbox").fill("changed")
    editor.get_by_role("textbox").press("Enter")
    expect(page.locator(".prose")).to_have_text("two")
    assert len(seen(engine)) == 1
    page.get_by_label("Your question").press("ArrowUp")
    editor.get_by_role("button", name="Remove picture 1").click()
    editor.get_by_role("button", name="Send").click()
    expect(page.locator(".prose")).to_have_text("three")
    assert seen(engine) == ()


def test_a_picture_opens_in_full_and_closes_with_escape(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine()))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    opener = page.get_by_role("button", name="Show picture 1 in full")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Picture 1").get_by_role("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def _export(page: Page, path: Path) -> Any:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as JSON").click()
    download.value.save_as(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _import(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a conversation").click()
    chooser.value.set_files(path)


def test_an_export_holds_the_pictures_and_is_imported_again(
    open_page: OpenPage, tmp_path: Path
) -> None:
    engine = vision_engine("one", "two")
    page = ready(open_page(engine))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    document = _export(page, tmp_path / "a.json")
    assert document["turns"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": data_url()}},
        {"type": "text", "text": "what is this?"},
    ]
    _import(page, tmp_path / "a.json")
    expect(page.locator(".chat-name")).to_have_count(2)
    expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    assert _export(page, tmp_path / "b.json") == document
    send(page, "and now?")
    assert len(seen(engine)) == 1


def test_an_export_is_a_file_that_the_terminal_chat_loads(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = ready(open_page(vision_engine("one")))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    _export(page, tmp_path / "a.json")
    question, answer = load_conversation(tmp_path / "a.json", EACH).turns
    assert (question.content, answer.content) == ("what is this?", "one")
    (picture,) = question.pictures
    assert picture.digest == read_picture(picture_file(), EACH).digest


def test_what_the_terminal_chat_saved_is_imported_and_goes_on(
    open_page: OpenPage, tmp_path: Path
) -> None:
    picture = read_picture(picture_file(size=(33, 44)), EACH)
    turns = (Message("user", "what?", pictures=(picture,)), Message("assistant", "one"))
    save_conversation(tmp_path / "a.json", Conversation("", turns), "fake", EACH)
    engine = vision_engine("two")
    page = ready(open_page(engine))
    _import(page, tmp_path / "a.json")
    expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    send(page, "and now?")
    assert seen(engine)[0].digest == picture.digest


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,AAAA"}},
        {"type": "image_url"},
        {"type": "input_audio"},
        {"type": "text"},
        None,
    ],
)
def test_an_import_takes_no_picture_that_is_not_in_the_file(
    open_page: OpenPage, tmp_path: Path, part: Any
) -> None:
    turns = [{"role": "user", "content": [part]}]
    document = {"kind": "ovglm conversation", "format_version": 1, "turns": turns}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    page = ready(open_page(vision_engine()))
    _import(page, path)
    expect(page.locator("#toasts")).to_contain_text("turn 1 does not fit")
    expect(page.locator(".chat-name")).to_have_count(0)


def test_where_the_storage_is_full_the_words_are_kept(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine("one", "two")))
    page.evaluate(
        """() => {
          const keep = Storage.prototype.setItem;
          Storage.prototype.setItem = function (key, text) {
            if (text.includes("data:image")) throw new DOMException("", "QuotaExceededError");
            keep.call(this, key, text);
          };
        }"""
    )
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    send(page)
    expect(page.locator("#toasts")).to_contain_text("no room for the pictures")
    expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    page.reload()
    expect(page.locator(".bubble, .prose")).to_have_text(["what is this?", "one"])
    expect(page.get_by_text("Pictures that were not kept: 1")).to_be_visible()


def test_it_is_usable_at_360_pixels(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine(facts=TWO), viewport=PHONE, has_touch=True))
    choose(page, file(data=picture_file(size=(900, 30))), file("b.png"))
    expect(tray(page)).to_have_count(2)
    for name in ("Send", "Add a picture", "Remove picture 1", "Remove picture 2"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    send(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.querySelector('#scroll').scrollWidth") <= 360
    expect(page.get_by_role("img", name="Picture 1")).to_be_in_viewport()


def test_controls_of_pictures_have_names_in_chinese_too(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine(), locale="zh-CN"))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="添加图片").click()
    chooser.value.set_files([file()])
    expect(page.get_by_role("button", name="移除图片 1")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Remove picture 1")).to_be_visible()
