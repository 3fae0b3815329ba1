"""The page in a browser in front of nano-v: it is shown a picture and tells what is on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from drawn_pictures import RED_CIRCLE
from nano_server import vision_server
from page_pictures import choose, file, ready, send, tray


@pytest.fixture(scope="module")
def address(nano_v: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with nano-v on the CPU, in a worker."""
    with vision_server(nano_v, tmp_path_factory.mktemp("home")) as url:
        yield url.removesuffix("v1")


def test_nano_v_tells_what_it_sees_and_goes_on(browser: Browser, address: str) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(address)
    choose(ready(page), file("circle.png", RED_CIRCLE))
    expect(tray(page)).to_have_count(1)
    send(page, "What is this?")
    expect(page.locator(".prose")).to_contain_text("red circle")
    expect(page.get_by_role("img", name="Picture 1")).to_be_visible()
    send(page, "What color is the circle?")
    expect(page.locator(".prose").last).to_contain_text("red")
    expect(page.locator(".figures").last).to_contain_text("CPU")
    context.close()
