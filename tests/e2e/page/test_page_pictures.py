"""The page in a browser: pictures chosen, dropped and pasted, sent, and refused in words."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from ovglm.pictures import read_picture
from page_pictures import choose, file, give, ready, seen, send, tray, vision_engine
from page_server import PausingEngine, asked_for
from serve_apps import fake_model
from small_pictures import EACH, picture_file

OpenPage = Callable[..., Page]

TWO = replace(EACH, most_pictures=2)


def test_a_chosen_picture_is_previewed_sent_and_shown(open_page: OpenPage) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    expect(page.locator("#facts")).to_contain_text("takes pictures")
    assert page.locator("#picture-file").get_attribute("accept") == "image/*"
    choose(page, file())
    expect(tray(page)).to_have_attribute("alt", "Picture 1")
    expect(page.locator("#announcer")).to_have_text("Picture 1 was added")
    send(page)
    expect(tray(page)).to_have_count(0)
    question = page.get_by_role("article", name="You")
    expect(question.get_by_role("img", name="Picture 1")).to_be_visible()
    expect(question.locator(".bubble")).to_have_text("what is this?")
    expect(page.locator(".prose")).to_have_text("a red one")
    (picture,) = seen(engine)
    assert picture.digest == read_picture(picture_file(), EACH).digest
    places = "<|begin_of_image|>" * 6
    assert asked_for(engine)[-1] == f"<|user|>\n{places}what is this?<|assistant|>"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_pictures_are_dropped_and_pasted(open_page: OpenPage, kind: str) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    assert give(page, kind, ("x.gif", "image/gif", picture_file("GIF")))
    expect(tray(page)).to_have_count(1)
    expect(page.get_by_label("Your question")).to_be_focused()
    send(page)
    assert seen(engine)[0].size == (40, 20)


def test_where_a_picture_can_be_dropped_is_shown_while_it_is_held(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine()))
    give(page, "dragover", ("x.gif", "image/gif", b""))
    expect(page.locator("#drop-here")).to_be_visible()
    give(page, "dragleave", ("x.gif", "image/gif", b""))
    expect(page.locator("#drop-here")).to_be_hidden()
    assert not give(page, "dragover", ("", "", b""))


def test_a_text_that_is_pasted_with_its_picture_stays_a_text(open_page: OpenPage) -> None:
    page = ready(open_page(vision_engine()))
    assert not give(page, "paste", ("x.png", "image/png", picture_file()), ("", "", b""))
    expect(tray(page)).to_have_count(0)


def test_a_picture_can_be_sent_without_words(open_page: OpenPage) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".prose")).to_have_text("a red one")
    expect(page.locator(".bubble")).to_have_count(0)
    expect(page.locator(".chat-name")).to_have_text(["Picture 1"])
    assert len(seen(engine)) == 1


def test_a_preview_can_be_removed_with_the_keyboard(open_page: OpenPage) -> None:
    engine = vision_engine(facts=TWO)
    page = ready(open_page(engine))
    choose(page, file(), file("green.png", picture_file(color="green")))
    expect(tray(page)).to_have_count(2)
    first = page.get_by_role("button", name="Remove picture 1")
    first.focus()
    page.keyboard.press("Enter")
    expect(tray(page)).to_have_count(1)
    expect(first).to_be_focused()
    expect(page.locator("#announcer")).to_have_text("The picture was removed")
    send(page)
    (picture,) = seen(engine)
    assert picture.digest == read_picture(picture_file(color="green"), EACH).digest


def test_several_pictures_are_sent_in_order_where_the_model_takes_them(
    open_page: OpenPage,
) -> None:
    engine = vision_engine(facts=TWO)
    page = ready(open_page(engine))
    colors = ("red", "green")
    choose(page, *(file(f"{one}.png", picture_file(color=one)) for one in colors))
    expect(tray(page)).to_have_count(2)
    send(page)
    expected = [read_picture(picture_file(color=one), EACH).digest for one in colors]
    assert [one.digest for one in seen(engine)] == expected


@pytest.mark.parametrize(
    ("kind", "size", "sent"),
    [
        ("JPEG", (3000, 1500), (1024, 512)),
        ("PNG", (20, 2000), (10, 1024)),
        ("WEBP", (9, 9), (9, 9)),
    ],
)
def test_large_pictures_are_made_smaller_before_they_are_sent(
    open_page: OpenPage, kind: str, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    choose(page, file("photo", picture_file(kind, size), kind.lower()))
    expect(tray(page)).to_have_count(1)
    send(page)
    (picture,) = seen(engine)
    assert picture.size == sent
    middle = picture.pixels[0, 0]
    assert middle[0] > 240 and middle[1] < 15 and middle[2] < 15


def test_a_kind_that_only_the_browser_reads_is_sent_as_another(open_page: OpenPage) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    choose(page, file("x.bmp", picture_file("BMP"), "bmp"))
    expect(tray(page)).to_have_count(1)
    send(page)
    assert seen(engine)[0].size == (40, 20)


def test_one_picture_more_than_the_model_takes_is_refused_in_a_sentence(
    open_page: OpenPage,
) -> None:
    engine = vision_engine()
    page = ready(open_page(engine))
    choose(page, file())
    expect(tray(page)).to_have_count(1)
    give(page, "drop", ("x.gif", "image/gif", picture_file("GIF")))
    expect(page.locator("#toasts")).to_contain_text("room for so many pictures only: 1")
    send(page)
    button = page.get_by_role("button", name="Add a picture")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(page.locator("#toasts")).to_contain_text("fake takes one picture in a conversation")
    page.get_by_role("button", name="New chat").click()
    expect(button).to_have_attribute("aria-disabled", "false")


def test_a_model_of_text_says_that_it_takes_no_pictures(open_page: OpenPage) -> None:
    page = ready(open_page(PausingEngine("one"), fake_model(vision_engine(), "seeing")))
    button = page.get_by_role("button", name="Add a picture")
    sentence = "fake reads text only. Choose a model that takes pictures."
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", sentence)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text(sentence)
    assert give(page, "drop", ("x.gif", "image/gif", picture_file("GIF")))
    expect(tray(page)).to_have_count(0)
    page.get_by_role("combobox", name="Model").select_option("seeing")
    expect(button).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize(
    ("name", "kind", "data", "words"),
    [
        ("x.txt", "text/plain", b"words", "That is no picture."),
        ("x.png", "image/png", b"words", "x.png cannot be read as a picture."),
    ],
)
def test_a_file_that_is_no_picture_is_refused_in_a_sentence(
    open_page: OpenPage, name: str, kind: str, data: bytes, words: str
) -> None:
    page = ready(open_page(vision_engine()))
    assert give(page, "drop", (name, kind, data))
    expect(page.locator("#toasts")).to_contain_text(words)
    expect(tray(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
