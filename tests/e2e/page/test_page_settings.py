"""The page in a browser: settings, models, themes, languages, narrow windows, names of controls."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from page_server import PAUSE, PausingEngine, asked_for
from serve_apps import fake_model

OpenPage = Callable[..., Page]

PHONE = {"width": 380, "height": 720}
LONG = (
    "# A heading\n\n| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n"
    f"| {' | '.join(['a long cell'] * 6)} |\n\n```python\nx = '{'y' * 200}'\n```\n\n{'z' * 200}"
)
UNNAMED = """() => [...document.querySelectorAll("button, input, textarea, select, summary")]
    .filter((one) => one.checkVisibility())
    .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()))
    .map((one) => one.outerHTML)"""


def ask(page: Page, text: str) -> None:
    """Ask, and wait for the end of the answer."""
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("[aria-busy=false]").last).to_be_visible()


def test_what_is_set_is_sent_and_what_is_empty_is_not(open_page: OpenPage) -> None:
    engine = PausingEngine("one")
    page = open_page(engine)
    page.keyboard.press("Control+.")
    expect(page.get_by_label("System prompt")).to_be_focused()
    page.keyboard.type("Be brief.")
    page.get_by_role("spinbutton", name="Temperature").fill("0.7")
    page.get_by_role("slider", name="Top p").fill("0.9")
    page.get_by_role("spinbutton", name="Longest answer").fill("99")
    page.get_by_role("spinbutton", name="Seed").fill("5")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("spinbutton", name="Top k").fill("40")
    page.get_by_role("spinbutton", name="Repetition penalty").fill("1.1")
    page.get_by_role("textbox", name="Stop texts").fill("END\n###")
    ask(page, "hi")
    sampling = engine.requests[-1][1]
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.7, 0.9, 40)
    assert (sampling.max_new_tokens, sampling.seed, sampling.stop) == (99, 5, ("END", "###"))
    assert (sampling.repetition_penalty, sampling.min_p) == (1.1, 0.0)
    assert asked_for(engine)[-1].startswith("<|system|>\nBe brief.<|user|>\nhi")
    page.get_by_role("button", name="Reset all").click()
    ask(page, "again")
    assert engine.requests[-1][1].temperature == 0
    assert "Be brief" not in asked_for(engine)[-1]


def test_a_setting_that_cannot_be_is_marked_and_not_sent(open_page: OpenPage) -> None:
    engine = PausingEngine("one")
    page = open_page(engine)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("spinbutton", name="Temperature").fill("3")
    expect(page.get_by_text("A number from 0 to 2.")).to_be_visible()
    page.get_by_label("Functions").fill("{")
    expect(page.get_by_text("This is not a JSON list of functions.")).to_be_visible()
    page.get_by_label("Your question").fill("hi")
    page.get_by_label("Your question").press("Enter")
    expect(page.get_by_text("Mend the marked setting first")).to_be_visible()
    expect(page.get_by_label("Your question")).to_have_value("hi")
    assert engine.requests == []


def test_a_new_chat_begins_with_the_last_settings_and_old_ones_keep_theirs(
    open_page: OpenPage,
) -> None:
    page = open_page(PausingEngine("one"))
    page.get_by_role("button", name="Settings").click()
    temperature = page.get_by_role("spinbutton", name="Temperature")
    temperature.fill("0.5")
    ask(page, "first")
    page.get_by_role("button", name="New chat").click()
    expect(temperature).to_have_value("0.5")
    temperature.fill("1.5")
    ask(page, "second")
    page.get_by_role("button", name="first", exact=True).click()
    expect(temperature).to_have_value("0.5")


def test_thinking_can_be_switched_where_the_model_thinks(open_page: OpenPage) -> None:
    engine = PausingEngine("one")
    page = open_page(engine, dialect="glm45")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Thinking", exact=True).select_option("off")
    ask(page, "hi")
    assert "False" in asked_for(engine)[-1]


def test_there_is_no_thinking_to_switch_where_the_model_does_not(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    expect(page.locator("#facts")).to_contain_text("CPU")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("System prompt")).to_be_visible()
    expect(page.get_by_label("Thinking", exact=True)).to_have_count(0)


def test_the_chosen_model_answers_and_is_remembered(open_page: OpenPage) -> None:
    first, second = PausingEngine("one"), PausingEngine("two")
    page = open_page(first, fake_model(second, "other"))
    choice = page.get_by_role("combobox", name="Model")
    choice.select_option("other")
    ask(page, "hi")
    expect(page.locator(".prose")).to_have_text("two")
    assert (len(first.requests), len(second.requests)) == (0, 1)
    page.reload()
    expect(choice).to_have_value("other")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_another_is_chosen(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", scheme)
    page.get_by_role("button", name="Theme: as the system").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Theme: light").click()
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 23)"
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_the_language_is_the_browsers_until_another_is_chosen(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("你好！"), locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", name="今天想聊些什么？")).to_be_visible()
    page.get_by_label("你的问题").fill("你好")
    page.get_by_label("你的问题").press("Enter")
    expect(page.locator(".prose")).to_have_text("你好！")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Answer again")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="New chat")).to_be_visible()


def test_it_is_usable_at_380_pixels(open_page: OpenPage) -> None:
    page = open_page(PausingEngine(LONG), viewport=PHONE)
    expect(page.get_by_role("button", name="New chat")).to_be_hidden()
    ask(page, "w" * 200)
    assert page.evaluate("document.documentElement.scrollWidth") == 380
    assert page.evaluate("document.querySelector('#scroll').scrollWidth") <= 380
    for name in ("Send", "Settings", "Export as JSON", "Show the conversations"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Show the conversations").click()
    expect(page.get_by_role("button", name="New chat")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="New chat")).to_be_hidden()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("System prompt")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.get_by_label("System prompt")).to_be_hidden()


def test_every_control_has_a_name_in_both_languages(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("```\ncode\n```"))
    ask(page, "hi")
    page.get_by_role("button", name="Settings").click()
    page.get_by_text("More", exact=True).click()
    assert page.evaluate(UNNAMED) == []
    page.get_by_role("button", name="中文").click()
    assert page.evaluate(UNNAMED) == []


def test_the_focus_can_be_seen(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Your question").focus()
    page.keyboard.press("Shift+Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_who_reads_earlier_lines_is_not_disturbed(open_page: OpenPage) -> None:
    engine = PausingEngine("line\n\n" * 80 + PAUSE + "more\n\n" * 20)
    page = open_page(engine, viewport={"width": 900, "height": 500})
    page.get_by_label("Your question").fill("long")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".prose p")).to_have_count(80)
    expect(page.locator(".dots")).to_be_in_viewport()
    page.locator("#scroll").evaluate("(area) => { area.scrollTop = 0; }")
    jump = page.get_by_role("button", name="To the end")
    expect(jump).to_be_visible()
    engine.go()
    expect(page.locator(".prose")).to_contain_text("more")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert page.locator("#scroll").evaluate("(area) => area.scrollTop") == 0
    jump.click()
    expect(page.locator(".figures")).to_be_in_viewport()
    expect(jump).to_be_hidden()
