"""A hub that stumbles: what is tried again, how long is waited, and when it is given up."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from ovglm.errors import HubError
from ovglm.hub import Patience, RemoteModel, fetch, find_remote
from ovglm.hub.partial import CHUNK_BYTES
from small_hub import Fault, SmallHub, pattern

CONFIG = b'{"model_type": "glm"}'
SIZE = 3_000_000


class Clock:
    """Waits at once, and remembers for how long it should have."""

    def __init__(self, **more: float) -> None:
        self.waited: list[float] = []
        self.patience = Patience(wait=self.waited.append, stall_s=more.get("stall_s", 5.0))


@pytest.fixture
def remote(hub: SmallHub) -> RemoteModel:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(SIZE)})
    return find_remote("org/glm")


def _fetch(remote: RemoteModel, folder: Path, clock: Clock) -> bytes:
    return fetch(remote, remote.files[1], folder, patience=clock.patience).read_bytes()


BUSY = {"500": Fault(status=500), "503": Fault(status=503), "429": Fault(status=429)}
CUT = {
    "cut before the body": Fault(cut_after=0),
    "cut in the body": Fault(cut_after=1_000_000),
    "cut the whole file": Fault(ignores_range=True, cut_after=10),
}
STUMBLES = [
    *(pytest.param("resolve", fault, id=f"hub {name}") for name, fault in BUSY.items()),
    *(pytest.param("Signature", one, id=f"storage {name}") for name, one in (BUSY | CUT).items()),
]


@pytest.mark.parametrize(("where", "fault"), STUMBLES)
def test_a_stumble_is_forgiven(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path, where: str, fault: Fault
) -> None:
    clock = Clock()
    hub.fail(where, fault)
    assert _fetch(remote, tmp_path, clock) == pattern(SIZE).read(0, SIZE)
    assert len(clock.waited) == 1


def test_a_cut_connection_goes_on_where_it_was_cut(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(cut_after=1_000_000))
    _fetch(remote, tmp_path, Clock())
    first, second = (one.headers["Range"] for one in hub.asked("Signature"))
    assert first == f"bytes=0-{SIZE - 1}"
    assert 0 < int(second.removeprefix("bytes=").partition("-")[0]) <= 1_000_000
    assert hub.served["model.safetensors"] < SIZE + (1 << 20)


def test_a_silent_connection_is_given_up_after_a_while(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(stall_after=1_000_000))
    clock = Clock(stall_s=0.2)
    assert _fetch(remote, tmp_path, clock) == pattern(SIZE).read(0, SIZE)
    assert clock.waited == [1.0]


def test_waits_grow_until_bytes_come(hub: SmallHub, remote: RemoteModel, tmp_path: Path) -> None:
    hub.fail("Signature", *[Fault(status=503)] * 3, Fault(cut_after=1_000_000), Fault(status=503))
    clock = Clock()
    _fetch(remote, tmp_path, clock)
    assert clock.waited == [1.0, 2.0, 4.0, 1.0, 2.0]


def test_six_stumbles_in_a_row_are_too_many_and_the_bytes_stay(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(cut_after=1_000_000), *[Fault(status=503)] * 5)
    with pytest.raises(HubError, match="does not answer properly: it answered 503") as caught:
        _fetch(remote, tmp_path, Clock())
    assert caught.value.hint and "goes on from here" in caught.value.hint
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".journal", ".partial"]
    assert _fetch(remote, tmp_path, Clock()) == pattern(SIZE).read(0, SIZE)


def _in_an_hour() -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "3600"}, 60.0),
        ({"Retry-After": _in_an_hour()}, 60.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"RateLimit": '"resolvers";r=0;t=33'}, 33.0),
    ],
)
def test_the_hub_may_say_how_long_to_wait_but_not_for_ever(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path, headers: dict[str, str], waited: float
) -> None:
    hub.fail("resolve", Fault(status=429, headers=headers))
    clock = Clock()
    _fetch(remote, tmp_path, clock)
    assert clock.waited == [waited]


def test_wrong_bytes_are_fetched_once_more(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(is_wrong=True))
    assert _fetch(remote, tmp_path, Clock()) == pattern(SIZE).read(0, SIZE)


def test_bytes_that_are_wrong_twice_never_get_the_files_name(hub: SmallHub, tmp_path: Path) -> None:
    files = {"config.json": CONFIG, "model.safetensors": pattern(SIZE)}
    hub.add("org/liar", files, lies={"model.safetensors"})
    remote = find_remote("org/liar")
    with pytest.raises(HubError, match=r"other bytes for model.safetensors .* twice"):
        fetch(remote, remote.files[1], tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_small_file_is_checked_by_gits_id(hub: SmallHub, tmp_path: Path) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(SIZE)})
    remote = find_remote("org/glm")
    hub.fail("resolve", *[Fault(is_wrong=True)] * 2)
    with pytest.raises(HubError, match=r"other bytes for config.json"):
        fetch(remote, remote.files[0], tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_shorter_file_than_listed_is_refused(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.repos["org/glm"].files["model.safetensors"] = pattern(1000)
    with pytest.raises(HubError, match=r"other bytes for model\.safetensors"):
        _fetch(remote, tmp_path, Clock())


def test_a_part_that_the_storage_has_not_any_more_is_refused(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(status=416), Fault(status=416))
    with pytest.raises(HubError, match=r"other bytes for model\.safetensors"):
        _fetch(remote, tmp_path, Clock())


def test_a_storage_without_ranges_does_too(hub: SmallHub, tmp_path: Path) -> None:
    size = CHUNK_BYTES + 1000
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(size)})
    remote = find_remote("org/glm")
    hub.fail("Signature", *[Fault(ignores_range=True)] * 2)
    assert _fetch(remote, tmp_path, Clock()) == pattern(size).read(0, size)


def test_an_address_of_the_storage_that_ran_out_is_asked_for_anew(
    hub: SmallHub, remote: RemoteModel, tmp_path: Path
) -> None:
    hub.fail("Signature", Fault(status=403))
    assert _fetch(remote, tmp_path, Clock()) == pattern(SIZE).read(0, SIZE)
    assert len(hub.asked("resolve")) == 1 + 2


def test_asking_for_a_model_is_tried_again_too(hub: SmallHub) -> None:
    hub.add("org/glm", {"config.json": CONFIG, "model.safetensors": pattern(SIZE)})
    hub.fail("/api/models", Fault(status=503), Fault(status=429, headers={"Retry-After": "5"}))
    clock = Clock()
    assert find_remote("org/glm", patience=clock.patience).repo == "org/glm"
    assert clock.waited == [1.0, 5.0]


def test_a_hub_that_cannot_be_reached_is_asked_once() -> None:
    clock = Clock()
    with pytest.raises(HubError, match=r"127\.0\.0\.1:9 cannot be reached: no connection"):
        find_remote("org/glm", patience=clock.patience)
    assert clock.waited == []


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"[]", b"{}", b'{"id": 3}'])
def test_what_is_no_hub_is_called_so(hub: SmallHub, body: bytes) -> None:
    hub.fail("/api/models", Fault(body=body))
    with pytest.raises(HubError, match="does not answer as a model hub does"):
        find_remote("org/glm")
