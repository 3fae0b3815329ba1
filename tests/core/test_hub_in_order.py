"""A remote file that is read in its order over several connections, and a hub that stumbles."""

from contextlib import closing

import pytest

from ovglm.errors import HubError
from ovglm.hub import Patience, RemoteModel, find_remote, read_in_order
from ovglm.hub.in_order import PIECE_BYTES
from small_hub import Fault, SmallHub, pattern

SIZE = 3 * PIECE_BYTES + 12_345
WEIGHTS = "model.safetensors"
PATIENCE = Patience(stall_s=0.5, wait=lambda _: None)


@pytest.fixture
def remote(hub: SmallHub) -> RemoteModel:
    hub.add("org/glm", {"config.json": b'{"model_type": "glm"}', WEIGHTS: pattern(SIZE)})
    return find_remote("org/glm")


def read(remote: RemoteModel, start: int = 0, stop: int = SIZE) -> bytes:
    pieces = read_in_order(remote, remote.files[1], start, stop, patience=PATIENCE)
    return b"".join(bytes(piece) for piece in pieces)


def is_right(data: bytes, start: int = 0, stop: int = SIZE) -> bool:
    return data == pattern(SIZE).read(start, stop - start)


@pytest.mark.parametrize(
    ("start", "stop"), [(0, SIZE), (1, SIZE), (7, 8), (100, PIECE_BYTES + 101), (SIZE, SIZE)]
)
def test_a_range_comes_once_and_in_its_order(
    hub: SmallHub, remote: RemoteModel, start: int, stop: int
) -> None:
    heard: list[int] = []
    pieces = read_in_order(remote, remote.files[1], start, stop, heard.append, patience=PATIENCE)
    assert is_right(b"".join(bytes(piece) for piece in pieces), start, stop)
    assert sum(heard) == hub.served[WEIGHTS] == stop - start
    assert len(hub.asked("Signature")) == -(-(stop - start) // PIECE_BYTES)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(cut_after=0), id="cut before the body"),
        pytest.param(Fault(cut_after=1_000_000), id="cut in the body"),
        pytest.param(Fault(is_short=True), id="a short body"),
        pytest.param(Fault(stall_after=1_000_000), id="silent"),
        pytest.param(Fault(status=500), id="500"),
        pytest.param(Fault(status=503), id="503"),
        pytest.param(Fault(status=429, headers={"Retry-After": "1"}), id="429"),
        pytest.param(Fault(status=403), id="an address that ran out"),
        pytest.param(Fault(status=416), id="416"),
        pytest.param(Fault(shift=1), id="another range"),
        pytest.param(Fault(shift=-1), id="a range that begins earlier"),
        pytest.param(Fault(ignores_range=True), id="the whole file"),
    ],
)
def test_a_stumble_is_forgiven(hub: SmallHub, remote: RemoteModel, fault: Fault) -> None:
    hub.fail("Signature", Fault(), fault)
    assert is_right(read(remote, 5), 5)
    # What was on its way is lost with a connection, and no more.
    assert hub.served[WEIGHTS] < SIZE + 2_000_000


def test_a_cut_connection_goes_on_where_it_was_cut(hub: SmallHub, remote: RemoteModel) -> None:
    hub.fail("Signature", Fault(cut_after=1_000_000))
    assert is_right(read(remote, 0, PIECE_BYTES), 0, PIECE_BYTES)
    first, second = (
        int(one.headers["Range"].removeprefix("bytes=").partition("-")[0])
        for one in hub.asked("Signature")
    )
    assert first == 0 < second <= 1_000_000


def test_a_server_that_knows_no_ranges_is_refused(hub: SmallHub, remote: RemoteModel) -> None:
    hub.fail("Signature", *[Fault(ignores_range=True)] * 50)
    with pytest.raises(HubError, match="ignores byte ranges and sends model") as caught:
        read(remote, PIECE_BYTES)
    assert caught.value.hint and "ovglm pull org/glm" in caught.value.hint
    # None of its answers was read to the end.
    assert hub.served[WEIGHTS] < 50 * 1_000_000


@pytest.mark.parametrize("fault", [Fault(status=416), Fault(shift=10)])
def test_answers_that_never_fit_are_refused(
    hub: SmallHub, remote: RemoteModel, fault: Fault
) -> None:
    hub.fail("Signature", *[fault] * 50)
    with pytest.raises(HubError, match=r"other bytes for model\.safetensors of org/glm"):
        read(remote)


def test_a_hub_that_stays_broken_is_given_up(hub: SmallHub, remote: RemoteModel) -> None:
    hub.fail("Signature", *[Fault(status=503)] * 50)
    with pytest.raises(HubError, match="does not answer properly: it answered 503") as caught:
        read(remote)
    assert caught.value.hint and "goes on from here" in caught.value.hint


def test_a_file_of_another_size_by_now_is_refused(hub: SmallHub, remote: RemoteModel) -> None:
    hub.repos["org/glm"].files[WEIGHTS] = pattern(SIZE + 1)
    with pytest.raises(HubError, match=f"the file has {SIZE + 1} bytes, and {SIZE} are listed"):
        read(remote)


def test_who_stops_reading_ends_the_connections(hub: SmallHub, remote: RemoteModel) -> None:
    hub.fail("Signature", Fault(), *[Fault(stall_after=100_000)] * 3)
    with closing(read_in_order(remote, remote.files[1], 0, SIZE, patience=PATIENCE)):
        pass
    with closing(read_in_order(remote, remote.files[1], 0, 9, patience=PATIENCE)) as pieces:
        assert bytes(next(pieces)) == pattern(SIZE).read(0, 9)
    assert len(hub.asked("Signature")) == 1
