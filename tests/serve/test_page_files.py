"""The page's files: all there, served safely, licensed, and in two languages."""

import hashlib
import mimetypes
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ovglm_serve.routes.page import POLICY, WEB, router

VENDOR = WEB / "vendor"
OWN = sorted(
    file for file in WEB.rglob("*") if file.is_file() and not file.is_relative_to(VENDOR)
)  # fmt: skip
MODULES = [file for file in OWN if file.suffix == ".js"]
LONGEST_FILE = 300
LIBRARIES = ("dompurify", "highlight", "marked")


@pytest.fixture
def client() -> TestClient:
    """A browser in front of the page alone."""
    app = FastAPI()
    app.include_router(router)
    return TestClient(app)


def name_of(file: Path) -> str:
    """Name a file as an address does."""
    return file.relative_to(WEB).as_posix()


def words_of(language: str) -> dict[str, str]:
    """Read the words of a language."""
    text = (WEB / "js" / "words" / f"{language}.js").read_text(encoding="utf-8")
    return dict(re.findall(r'^  (\w+): "(.*)",$', text, re.MULTILINE))


def test_the_page_is_html_under_a_strict_policy(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY and "http" not in POLICY and "*" not in POLICY


@pytest.mark.parametrize("file", OWN, ids=name_of)
def test_every_file_is_served_with_the_headers(client: TestClient, file: Path) -> None:
    response = client.get(f"/page/{name_of(file)}")
    assert response.status_code == 200
    assert response.content == file.read_bytes()
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_script_is_one_whatever_the_system_calls_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_args, **_options: ("text/plain", None))
    for name in ("js/app.js", "vendor/dompurify/purify.es.mjs"):
        content_type = client.get(f"/page/{name}").headers["content-type"]
        assert content_type.startswith("text/javascript")


def test_a_browser_that_has_the_file_gets_none_again(client: TestClient) -> None:
    tag = client.get("/page/js/app.js").headers["etag"]
    again = client.get("/page/js/app.js", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/page/js/app.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_head_says_what_get_would(client: TestClient) -> None:
    response = client.head("/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "no.js",
        "../routes/page.py",
        "%2e%2e/routes/page.py",
        "/etc/passwd",
        "js",
        "%00.js",
        "js/",
    ],
)
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/page/{name}").status_code == 404


def test_every_file_that_is_named_is_there() -> None:
    html = (WEB / "index.html").read_text(encoding="utf-8")
    named = [WEB / name for name in re.findall(r'(?:src|href)="page/([^"]+)"', html)]
    for module in MODULES:
        imports = re.findall(r'(?:from|import) "(\.[^"]+)"', module.read_text(encoding="utf-8"))
        named += [module.parent / name for name in imports]
    assert len(named) > len(MODULES)
    assert [file for file in named if not file.is_file()] == []


@pytest.mark.parametrize("file", OWN, ids=name_of)
def test_no_file_names_another_server(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]+[^\s]*", text) == []


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_no_module_makes_html_or_code_from_text(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
    )
    assert found == []


@pytest.mark.parametrize("file", OWN, ids=name_of)
def test_a_file_has_at_most_300_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_comes_with_its_licence(library: str) -> None:
    licences = list((VENDOR / library).glob("LICENSE*"))
    assert licences and all(len(one.read_text(encoding="utf-8")) > 500 for one in licences)


def test_the_libraries_are_those_that_are_listed() -> None:
    listed = re.findall(
        r"^([0-9a-f]{64})  (\S+)$", (VENDOR / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    found = {
        name_of(file).removeprefix("vendor/"): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.suffix in (".js", ".mjs")
    }
    assert {name: digest for digest, name in listed} == found
    assert {name.partition("/")[0] for name in found} == set(LIBRARIES)


def test_the_libraries_are_small() -> None:
    assert sum(file.stat().st_size for file in VENDOR.rglob("*") if file.is_file()) < 400_000


def test_both_languages_say_the_same_things() -> None:
    english, chinese = words_of("en"), words_of("zh")
    assert len(english) > 100
    assert list(english) == list(chinese)
    for key, text in english.items():
        places = re.compile(r"\{\w+\}")
        assert set(places.findall(text)) == set(places.findall(chinese[key])), key


def test_every_word_that_is_used_is_known() -> None:
    html = (WEB / "index.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-(?:words|label|placeholder)="(\w+)"', html))
    for module in MODULES:
        used |= set(re.findall(r'\bt\("(\w+)"', module.read_text(encoding="utf-8")))
    assert len(used) > 50
    assert used - set(words_of("en")) == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("text", "ground"),
        ("text-soft", "ground-side"),
        ("text-faint", "ground"),
        ("text-faint", "ground-side"),
        ("text-faint", "ground-raised"),
        ("text-faint", "code-ground"),
        ("accent-text", "ground"),
        ("on-accent", "accent"),
        ("danger", "ground"),
        ("text-soft", "danger-soft"),
        *((f"code-{name}", "code-ground") for name in ("comment", "keyword", "string")),
        *((f"code-{name}", "code-ground") for name in ("number", "title", "type")),
    ],
)
def test_text_stands_out_from_its_ground(theme: str, text: str, ground: str) -> None:
    """WCAG 2.2, contrast (minimum), level AA."""
    colours = _colours(theme)
    lighter, darker = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def _colours(theme: str) -> dict[str, str]:
    text = (WEB / "style" / "tokens.css").read_text(encoding="utf-8")
    light, dark = text.split(':root[data-theme="dark"]')
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", dark if theme == "dark" else light))


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
