"""A SHA-256 that can be taken up again, and what it does where no library lets it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovglm_export.streaming import checksum
from ovglm_export.streaming.checksum import Checksum


def test_this_python_has_a_library_for_it() -> None:
    assert Checksum().state() is not None


@given(st.lists(st.binary(max_size=200)))
def test_it_goes_on_from_its_state_after_every_piece(pieces: list[bytes]) -> None:
    one = Checksum()
    for piece in pieces:
        one.update(bytearray(piece))
        one = Checksum(one.state())
    whole = b"".join(pieces)
    assert (one.size, one.hexdigest()) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_the_digest_may_be_asked_for_on_the_way() -> None:
    one = Checksum()
    for _ in range(3):
        one.update(bytearray(b"abc" * 50))
        one.hexdigest()
    assert one.hexdigest() == hashlib.sha256(b"abc" * 150).hexdigest()


def test_more_than_four_gigabits_are_counted() -> None:
    one, piece = Checksum(), bytearray(64 << 20)
    for _ in range(9):
        one.update(piece)
    assert Checksum(one.state()).size == 9 * len(piece)


@pytest.mark.parametrize("state", [None, "", "00", "ab" * 40, "ab" * 112, "no hexadecimal"])
def test_a_state_of_no_use_begins_from_nothing(state: str | None) -> None:
    one = Checksum(state)
    assert (one.size, one.hexdigest()) == (0, hashlib.sha256().hexdigest())


@pytest.mark.parametrize("at", [104, 108], ids=["bytes that wait", "length of the digest"])
def test_a_damaged_state_does_not_make_the_library_write_elsewhere(at: int) -> None:
    one = Checksum()
    one.update(bytearray(b"abc"))
    state = bytearray.fromhex(one.state() or "")
    assert state[at] in (3, 32)
    state[at] = 200
    assert Checksum(state.hex()).size == 0


def test_without_a_library_it_sums_but_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_find_library", lambda: None)
    one = Checksum(None)
    one.update(bytearray(b"abc"))
    assert (one.size, one.hexdigest()) == (3, hashlib.sha256(b"abc").hexdigest())
    assert one.state() is None


def test_a_library_that_sums_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksum, "_candidates", lambda: ["/no/such/library.so"])
    assert checksum._find_library.__wrapped__() is None
