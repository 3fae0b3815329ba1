"""The page in a browser in front of nano: a question, and a tool that is called and answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ovglm.assistant import load_assistant
from ovglm.devices import read_facts
from ovglm_serve.served_model import ServedModel
from page_server import page_server


@pytest.fixture(scope="module")
def address(nano: Path) -> Iterator[str]:
    """The address of a server with nano on the CPU, in this process."""
    loaded = load_assistant(nano, "CPU", say=lambda _text: None)
    assert loaded.template is not None
    model = ServedModel(
        "nano", read_facts(nano), loaded.engine, loaded.tokenizer, loaded.template, loaded.dialect
    )
    with page_server(model) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page with a storage of its own."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()


def ask(page: Page, text: str) -> None:
    """Ask, and wait for the end of the answer."""
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("[aria-busy=false]").last).to_be_visible()


def test_nano_answers_and_says_how_fast(page: Page) -> None:
    ask(page, "What is the capital of France?")
    expect(page.locator(".prose")).to_contain_text("Paris")
    expect(page.locator(".figures")).to_contain_text("CPU")
    expect(page.locator("#footnote")).to_contain_text("of the context used")
    expect(page.get_by_role("combobox", name="Model")).to_have_value("nano")


def test_nano_calls_a_tool_and_uses_its_result(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Put in an example").click()
    ask(page, "What is the weather in Paris?")
    call = page.locator("details.call")
    expect(call.locator("summary")).to_have_text("Calledget_weather")
    call.locator("summary").click()
    expect(call.locator("pre").first).to_contain_text('"city": "Paris"')
    page.get_by_label("Result of get_weather").fill('{"weather": "sunny", "temperature": 21}')
    page.get_by_role("button", name="Send the result").click()
    expect(page.locator(".prose").last).to_have_text("It is sunny in Paris, 21 degrees.")
