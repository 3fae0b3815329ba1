"""The benchmark of the server: what its clients read, what is counted, the tables it prints."""

import asyncio
import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import llama_env, llama_gguf, serve
from benchmarks.bursts import NEW_TOKENS
from benchmarks.serve_load import LEFT, EventLines, Job, Result, run
from benchmarks.serve_process import parse_metrics
from benchmarks.serve_report import BARE, Leak, Run, growth, leak_table, memory_table, speed_table
from benchmarks.shapes import SHAPES, write_checkpoint
from ovglm.nano import checkpoint_folder
from ovglm.tokens import Tokenizer

MIB = 2**20
TOKEN = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\n'
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


BODY = b"".join(map(_chunk, (b": ping\n\n" + TOKEN, TOKEN[:20], TOKEN[20:] + END, DONE, b"")))


@given(st.lists(st.integers(0, len(BODY)), max_size=12))
def test_events_are_found_however_the_network_cuts_them(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BODY)]
    lines = EventLines()
    found = [line for start, stop in pairwise(edges) for line in lines.feed(BODY[start:stop])]
    assert found == [one[6:-2] for one in (TOKEN, TOKEN, END, DONE)]


def _ask(answer: bytes, job: Job) -> tuple[Result, list[dict[str, object]]]:
    """Let the clients do a job against a server that always sends the same; give what it got."""
    got: list[dict[str, object]] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        got.append(json.loads(await reader.readexactly(length)))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def both() -> Result:
        server = await asyncio.start_server(reply, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await run(Job(port, job.path, job.concurrency, job.bodies, job.leave_after))

    return asyncio.run(both()), got


def test_each_request_is_sent_once_and_timed() -> None:
    bodies = [{"number": number} for number in range(7)]
    found, got = _ask(HEAD + BODY, Job(0, "/v1/chat/completions", 3, bodies))
    assert sorted(got, key=str) == bodies
    assert found.ends == {"length": 7}
    assert len(found.firsts) == 7 and len(found.gaps) == 7
    assert 0 < max(found.firsts) <= found.total_s


def test_a_client_vanishes_after_as_many_events_as_it_was_told() -> None:
    job = Job(0, "/", 1, [{}, {}, {}], [1, None, 2])
    assert _ask(HEAD + BODY, job)[0].ends == {LEFT: 2, "length": 1}


def test_an_answer_that_breaks_off_is_seen() -> None:
    assert _ask(HEAD + _chunk(TOKEN), Job(0, "/", 1, [{}]))[0].ends == {"cut off": 1}


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 429 Too Many Requests\r\n\r\n{"error": {"message": "full"}}',
        HEAD + _chunk(b'data: {"error": {"message": "full"}}\n\n'),
    ],
)
def test_an_error_is_never_measured(answer: bytes) -> None:
    with pytest.raises(RuntimeError, match="full"):
        _ask(answer, Job(0, "/", 1, [{}]))


def test_metrics_of_several_models_are_added_up() -> None:
    text = (
        "# HELP ovglm_open_requests Requests in the server\n"
        "# TYPE ovglm_open_requests gauge\n"
        'ovglm_open_requests{model="a"} 2.0\novglm_open_requests{model="b"} 1.0\n'
        "process_start_time_seconds 1.7e+09\n"
    )
    assert parse_metrics(text) == {"ovglm_open_requests": 3, "process_start_time_seconds": 1.7e9}


def test_texts_are_never_the_same_twice() -> None:
    numbers = random.Random(0)
    texts = {serve.draw_text(numbers) for _ in range(1000)}
    assert len(texts) == 1000


def test_a_request_is_a_greedy_stream_of_known_length() -> None:
    asked = serve.request("hello", ignore_eos=True)
    assert asked["messages"] == [{"role": "user", "content": "hello"}]
    assert asked["stream"] and asked["ignore_eos"] and asked["temperature"] == 0
    assert asked["max_tokens"] == NEW_TOKENS


def test_engines_take_turns_in_going_first() -> None:
    assert [serve.order(number, ["a", "b"])[0] for number in range(4)] == ["a", "b"] * 2


def test_the_shape_is_read_from_a_config(tmp_path: Path) -> None:
    write_checkpoint(SHAPES["tiny"], tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert serve.shape_of(config) == SHAPES["tiny"]


def test_the_vocabulary_for_llama_has_every_token_at_its_id() -> None:
    folder = checkpoint_folder()
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    texts, kinds = llama_gguf.vocabulary(document, 2100)
    tokenizer = Tokenizer.load(folder)
    assert len(texts) == len(kinds) == 2100 and len(set(texts)) == 2100
    used = [number for number, kind in enumerate(kinds) if kind != 5]
    assert [tokenizer.token_id(texts[number]) for number in used] == used
    controls = {text for text, kind in zip(texts, kinds, strict=True) if kind == 3}
    assert controls == tokenizer.controls


def test_llamas_server_is_installed_but_never_built_for_it() -> None:
    assert {"starlette-context", "sse-starlette"} <= set(llama_env.REQUIREMENTS)
    assert not any("[" in one for one in llama_env.REQUIREMENTS)


def test_speeds_are_compared_with_the_bare_burst_beside_them() -> None:
    runs = {
        (8, "ovglm serve"): Run([90.0, 99.0, 190.0], [0.010, 0.020], [0.001, 0.003]),
        (8, BARE): Run([100.0, 100.0, 200.0], [0.005]),
        (8, "llama"): Run([50.0]),
    }
    text = speed_table(runs)
    assert "| 8 | ovglm serve | 99.0 | 95.0% | 15.0 | 19.9 | 2.0 | 3.0 |" in text
    assert "| 8 | openvino_genai | 100.0 |  | 5.0 | 5.0 |  |  |" in text
    assert "| 8 | llama | 50.0 | 50.0% |  |  |  |  |" in text


def test_growth_compares_the_last_quarter_with_the_first() -> None:
    assert growth([100, 100, 500, 500, 1, 1, 110, 110]) == pytest.approx(0.1)
    assert growth([100]) == 0


def test_memory_table_shows_first_and_last_reading() -> None:
    text = memory_table(100, [MIB * number for number in range(100, 121)])
    assert "| 0 | 100.0 |" in text and "| 2000 | 120.0 |" in text
    assert "to the first: +15." in text


def test_leak_table_shows_what_is_left() -> None:
    rest = {"ovglm_cache_usage_ratio": 0.25, "ovglm_aborted_requests_total": 20.0}
    text = leak_table(Leak(200, 20, 0.1234, (MIB, 2 * MIB), (9, 10), rest))
    assert "20 of 200 clients vanished in mid-stream; 123 ms after" in text
    assert "| anonymous memory, MiB | 1.0 | 2.0 |" in text
    assert "| open files and sockets | 9 | 10 |" in text
    assert "| cache_usage_ratio |  | 0.25 |" in text
    assert "| running_requests |  | 0 |" in text
