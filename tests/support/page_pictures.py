"""What tests of the page do with pictures: choose, drop, paste, send."""

from base64 import b64encode
from typing import Any

from playwright.sync_api import Locator, Page, expect

from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts
from page_server import PausingEngine
from small_pictures import EACH, picture_file

__all__ = ["choose", "file", "give", "ready", "seen", "send", "tray", "vision_engine"]

# Gives an event as the browser would, with a file made in the page.
GIVE = """([kind, files]) => {
  const data = new DataTransfer();
  for (const [name, type, base64] of files) {
    if (!name) { data.items.add("words", "text/plain"); continue; }
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  const options = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { ...options, clipboardData: data })
    : new DragEvent(kind, { ...options, dataTransfer: data });
  document.activeElement.dispatchEvent(event);
  return event.defaultPrevented;
}"""


def vision_engine(*answers: str, facts: VisionFacts = EACH) -> PausingEngine:
    """Make an engine that takes pictures."""
    return PausingEngine(*(answers or ("a red one",)), vision=facts)


def give(page: Page, kind: str, *files: tuple[str, str, bytes]) -> bool:
    """Drop or paste files; a file without a name is a text. Says whether the page took them."""
    encoded = [[name, type_, b64encode(data).decode()] for name, type_, data in files]
    return page.evaluate(GIVE, [kind, encoded])


def choose(page: Page, *files: Any) -> None:
    """Choose files by the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add a picture").click()
    chooser.value.set_files(list(files))


def file(name: str = "red.png", data: bytes | None = None, kind: str = "png") -> Any:
    """Describe a file to choose, by default a red PNG."""
    return {"name": name, "mimeType": f"image/{kind}", "buffer": data or picture_file()}


def ready(page: Page) -> Page:
    """Wait until the page knows what the model takes."""
    expect(page.locator("#facts")).to_contain_text("CPU")
    return page


def tray(page: Page) -> Locator:
    """Find the pictures of the question that is written."""
    return page.locator("#composer .tray img")


def send(page: Page, text: str = "what is this?") -> None:
    """Send, and wait for the end of the answer."""
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Enter")
    expect(page.locator("[aria-busy=false].answer").last).to_be_visible()
    expect(page.locator(".is-running")).to_have_count(0)


def seen(engine: PausingEngine) -> tuple[Picture, ...]:
    """Give what the engine was shown last."""
    return engine.pictures[-1]
