"""--image-root: pictures of one folder, and no way to any other file."""

import os
from pathlib import Path
from typing import Any

import pytest

from ovglm.errors import OvglmError, RequestError
from ovglm_serve.image_root import is_remote, read_local
from ovglm_serve.settings import Settings
from serve_apps import ByteEngine, serve
from small_pictures import EACH, PARTS_TEMPLATE, image_part, picture_file

MOST = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a picture in it and one below, beside a secret."""
    folder = tmp_path / "pictures"
    (folder / "deep er").mkdir(parents=True)
    for name in ("a.png", "deep er/b.png"):
        (folder / name).write_bytes(picture_file())
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "pictures-too").mkdir()
    (tmp_path / "pictures-too" / "c.png").write_bytes(b"secret")
    return folder


def _refusal(url: str, root: Path | None) -> str:
    with pytest.raises(RequestError) as caught:
        read_local(url, root, MOST)
    assert "data:" in (caught.value.hint or "")
    return caught.value.message.replace(repr(url[:200]), "URL")


@pytest.fixture
def absent(root: Path) -> str:
    """What is said of a file that is not there."""
    return _refusal("nothing.png", root)


def test_files_are_named_by_path_or_url(root: Path) -> None:
    inside = root / "deep er" / "b.png"
    names = ["a.png", "deep er/b.png", "./a.png", str(inside), inside.as_uri()]
    assert "%20" in names[-1]
    local = inside.as_uri().replace("file://", "file://localhost")
    for name in (*names, local):
        assert read_local(name, root, MOST) == picture_file()


def test_a_root_that_is_a_link_or_relative_is_the_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_local(str(root / "a.png"), Path("pictures"), MOST)
    link = tmp_path / "link"
    _link(link, root)
    for name in ("a.png", str(link / "a.png"), str(root / "a.png")):
        assert read_local(name, link, MOST)


OUTSIDE = [
    "../secret.png",
    "deep er/../../secret.png",
    "deep er/../a.png",
    "..\\secret.png",
    "{above}/secret.png",
    "{above}/pictures/../secret.png",
    "{above}/pictures-too/c.png",
    "file://{above}/secret.png",
    "file://{above}/pictures/%2e%2e/secret.png",
    "file://{above}/pictures/a.png?x",
    "file://other{above}/pictures/a.png",
    "file://[/a.png",
    "file:",
    "//other/share/a.png",
    "\\\\other\\share\\a.png",
    "/etc/passwd",
    "/",
    "",
    ".",
    "deep er",
    "a.png/b",
    "a.png\0.jpg",
    "~/a.png",
    "x" * 5000,
]


@pytest.mark.parametrize("url", OUTSIDE, ids=lambda url: url[:30].replace("\0", "0"))
def test_what_is_elsewhere_is_refused_like_what_is_not_there(
    root: Path, absent: str, url: str
) -> None:
    assert _refusal(url.replace("{above}", root.parent.as_posix()), root) == absent


def test_links_that_leave_the_folder_are_refused(root: Path, absent: str) -> None:
    _link(root / "out.png", root.parent / "secret.png")
    _link(root / "gone.png", root.parent / "nothing.png")
    _link(root / "up", root.parent)
    _link(root / "round.png", root / "round.png")
    for name in ("out.png", "gone.png", "up/secret.png", "up/pictures/../secret.png", "round.png"):
        assert _refusal(name, root) == absent


def test_links_within_the_folder_are_followed(root: Path) -> None:
    _link(root / "in.png", root / "a.png")
    assert read_local("in.png", root, MOST)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are of POSIX")
def test_a_pipe_is_refused_and_not_waited_for(root: Path, absent: str) -> None:
    os.mkfifo(root / "pipe.png")
    assert _refusal("pipe.png", root) == absent


def test_a_file_that_is_too_large_is_not_read_to_its_end(root: Path) -> None:
    (root / "large.png").write_bytes(b"x" * (MOST + 1))
    with pytest.raises(RequestError, match="more than 1000 bytes"):
        read_local("large.png", root, MOST)


def test_without_a_root_nothing_is_opened(root: Path) -> None:
    for url in (str(root / "a.png"), "a.png", str(root / "nothing.png"), "file:///a"):
        assert "started without --image-root" in _refusal(url, None)


@pytest.mark.parametrize(
    ("url", "remote"),
    [("https://x", True), ("HTTP:x", True), ("s3://x", True), ("file:///x", False),
     ("FILE:/x", False), ("C:\\a.png", False), ("C:/a.png", False), ("a.png", False),
     ("a/b:c.png", False)],
)  # fmt: skip
def test_other_schemes_are_remote(url: str, remote: bool) -> None:
    assert is_remote(url) == remote


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(OvglmError, match="is no folder"):
        Settings(image_root=tmp_path / "absent")


def test_the_api_reads_pictures_of_the_folder_and_blames_the_field(root: Path) -> None:
    engine = ByteEngine("red", vision=EACH)
    (root / "text.png").write_bytes(b"no picture")
    options: dict[str, Any] = {"template": PARTS_TEMPLATE, "dialect": "glm_edge"}
    api = serve(engine=engine, image_root=root, **options)
    messages = [{"role": "user", "content": [image_part("a.png")]}]
    assert api.say(messages=messages) == "red"
    assert engine.pictures[0][0].size == (40, 20)
    for name, words in (("nothing.png", "is no file"), ("text.png", "no picture of a known kind")):
        error = api.refuse(messages=[{"role": "user", "content": [image_part(name)]}])
        assert error["param"] == "messages[0].content[0].image_url.url"
        assert words in error["message"] and str(root) not in error["message"]


def _link(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("this system does not let tests make links")
