"""The benchmark scripts: the checkpoints they write, what they measure, the tables they print."""

import json
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchmarks import decode, export, optimum_env
from benchmarks.exporters import OPTIMUM, OVGLM, command
from benchmarks.measure import CommandFailed, Measurement, measure
from benchmarks.report import markdown_table
from benchmarks.shapes import SHAPES, weights_bytes, write_checkpoint
from ovglm_export.checkpoint import open_checkpoint

MIB = 2**20
# The grandchild holds 200 MiB of its own and works on them long enough to be seen.
GREEDY = "data = bytearray(b'x') * (200 * 2**20); [data.count(b'y') for _ in range(20)]"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {GREEDY!r}], check=True)"


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [("glm-edge-1.5b", 3.19), ("glm-edge-4b", 8.66), ("glm-4-9b-chat-hf", 18.80)],
)
def test_shapes_have_the_true_size(name: str, gigabytes: float) -> None:
    assert round(weights_bytes(SHAPES[name]) / 1e9, 2) == gigabytes


def test_written_checkpoint_opens_in_one_file_and_in_shards(tmp_path: Path) -> None:
    total = write_checkpoint(SHAPES["tiny"], tmp_path / "one")
    assert write_checkpoint(SHAPES["tiny"], tmp_path / "many", shard_bytes=200_000) == total
    one, many = open_checkpoint(tmp_path / "one"), open_checkpoint(tmp_path / "many")
    assert one.architecture == many.architecture
    assert len(list((tmp_path / "many").glob("model-*-of-*.safetensors"))) > 2
    index = json.loads((tmp_path / "many" / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == total
    for name in one.places:
        assert (one.weight(name).data == many.weight(name).data).all()


def test_written_weights_are_normal_and_norms_lie_around_one(tmp_path: Path) -> None:
    write_checkpoint(SHAPES["tiny"], tmp_path / "model")
    checkpoint = open_checkpoint(tmp_path / "model")
    head = checkpoint.weight("lm_head.weight").as_float32()
    norm = checkpoint.weight("model.norm.weight").as_float32()
    assert abs(head.mean()) < 0.001 and 0.018 < head.std() < 0.022
    assert abs(norm.mean() - 1) < 0.01


def test_seed_decides_the_weights(tmp_path: Path) -> None:
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        write_checkpoint(SHAPES["tiny"], tmp_path / folder, seed=seed)
    first, again, other = (
        (tmp_path / folder / "model.safetensors").read_bytes()
        for folder in ("first", "again", "other")
    )
    assert first == again
    assert first != other


def test_written_tokenizer_fits_the_config(tmp_path: Path) -> None:
    write_checkpoint(SHAPES["tiny"], tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(tmp_path / "model" / "tokenizer.json"))
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    stops = [tokenizer.id_to_token(number) for number in config["eos_token_id"]]
    assert stops == ["<|endoftext|>", "<|user|>", "<|observation|>"]
    assert tokenizer.get_vocab_size() <= config["vocab_size"]
    text = "你好, hello 🙂\n\n  def f(x):"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_measure_counts_the_memory_of_grandchildren() -> None:
    found = measure([sys.executable, "-c", PARENT], interval_s=0.005)
    assert found.peak_anonymous >= 200 * MIB
    assert found.peak_resident >= found.peak_anonymous
    assert found.wall_s > 0


def test_measure_shows_the_end_of_a_failed_commands_output() -> None:
    script = "import sys; print('the reason'); sys.exit(3)"
    with pytest.raises(CommandFailed, match=r"ended with 3\n(?s:.*)the reason"):
        measure([sys.executable, "-c", script])


@pytest.mark.parametrize("road", [OVGLM, OPTIMUM])
def test_both_roads_get_the_same_source_and_output(road: str) -> None:
    line = command(road, Path("source"), Path("output"), Path("env"))
    assert {"source", "output", "int4"} <= set(line)


def test_roads_take_turns_in_going_first() -> None:
    assert [export.order(number)[0] for number in range(4)] == [OVGLM, OPTIMUM] * 2
    assert decode.kinds(1) == decode.kinds(0)[::-1]
    assert len(set(decode.kinds(0))) == 4


def test_export_table_shows_medians_and_ratios() -> None:
    walls = {OVGLM: (10.0, 30.0, 20.0), OPTIMUM: (40.0, 40.0, 90.0)}
    runs = [
        export.Run("tiny", road, Measurement(wall, 2**30, 2**31), 10**9)
        for road, found in walls.items()
        for wall in found
    ]
    text = export.tables(runs)
    assert "| tiny | ovglm | 20.0 s | 1.00 GiB | 2.00 GiB | 1.00 GB |" in text
    assert "| tiny | ratio | 0.50 | 1.00 | 1.00 | 1.00 |" in text
    assert text.count("| tiny | optimum-cli |") == 1 + 3


def test_decode_table_says_how_much_faster_ours_is() -> None:
    speeds = [
        decode.Speed(backend, road, ms, prompt)
        for backend in ("PA", "SDPA")
        for road, ms, prompt in ((OVGLM, 20.0, 400.0), (OPTIMUM, 25.0, 200.0))
    ]
    assert "| SDPA | ours is faster by | 1.25× | 2.00× |" in decode.tables(speeds)


def test_markdown_table_has_a_rule_under_its_head() -> None:
    assert markdown_table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_optimum_env_never_empties_a_folder_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(SystemExit, match="is no virtual environment"):
        optimum_env.make(tmp_path)
    assert (tmp_path / "letter.txt").read_text(encoding="utf-8") == "keep me"


def test_optimum_env_needs_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"it has no pyproject\.toml"):
        optimum_env.make(tmp_path / "env", checkout=tmp_path)
    assert not (tmp_path / "env").exists()
