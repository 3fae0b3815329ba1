"""A headless browser for the tests of the page, and pages that complain of any fault."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from ovglm_serve.served_model import ServedModel
from ovglm_serve.settings import Settings
from page_server import PausingEngine, page_server
from serve_apps import TEMPLATE, fake_model
from small_pictures import PARTS_TEMPLATE

QUIET = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 15_000
# What the browser itself writes when the API refuses, which some tests provoke.
REFUSED = "Failed to load resource: "

OpenPage = Callable[..., Page]


def _find_browser() -> str | None:
    names = ("chromium", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


# Not for the session: Playwright keeps an event loop running in this thread, where no test of
# another module could start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or another Chromium named by OVGLM_BROWSER."""
    named = os.environ.get("OVGLM_BROWSER") or _find_browser()
    expect.set_options(timeout=PATIENCE_MS)
    channel = "msedge" if sys.platform == "win32" and not named else None
    if not (named or channel or "OVGLM_NEEDS_BROWSER" in os.environ):
        pytest.skip("no browser here; .ci/run installs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=named, channel=channel, args=QUIET, chromium_sandbox=False
        )
        yield launched
        launched.close()


class Watch:
    """Notes whatever goes wrong in a page, and every address that it asks for."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        self.addresses: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note)
        page.on("request", lambda request: self.addresses.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED):
            self.faults.append(message.text)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open the page in front of engines; at the end nothing may have gone wrong in it.

    Takes engines by the name of their model, the server's settings, and the options of a
    browser's context. Nothing but the server itself may have been asked for.
    """
    with ExitStack() as stack:
        watches: list[tuple[str, Watch]] = []

        def open_it(
            engine: PausingEngine | None = None,
            *others: ServedModel,
            dialect: str = "glm4",
            settings: Settings | None = None,
            **options: Any,
        ) -> Page:
            engine = engine or PausingEngine()
            template = PARTS_TEMPLATE if engine.info.vision else TEMPLATE
            model = fake_model(engine, dialect=dialect, template=template)
            address = stack.enter_context(page_server(model, *others, settings=settings))
            page = new_page(browser, stack, options)
            watches.append((address, Watch(page)))
            page.goto(address)
            return page

        yield open_it
        for address, watch in watches:
            assert watch.faults == []
            strange = [url for url in watch.addresses if not url.startswith((address, "blob:"))]
            assert strange == []


def new_page(browser: Browser, stack: ExitStack, options: dict[str, Any]) -> Page:
    """Open an empty page with a storage of its own; it is closed before its server."""
    context: BrowserContext = browser.new_context(**{"locale": "en-GB", **options})
    stack.callback(context.close)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page
