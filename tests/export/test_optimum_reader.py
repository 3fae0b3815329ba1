"""An exported folder is read by optimum-intel as one of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.optimum_env import default_folder, program
from ovglm.recipe import Recipe
from ovglm_export.pipeline import export_checkpoint
from tiny_glm import write_checkpoint

ROOT = Path(__file__).parents[2]
# Runs in the environment of optimum-intel: greedy tokens for the golden prompts, as JSON.
CHILD = """
import json, sys
import torch
from optimum.intel import OVModelForCausalLM
exact = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
         "KV_CACHE_PRECISION": "f32"}
folder, prompts = sys.argv[1], json.loads(sys.argv[2])
model = OVModelForCausalLM.from_pretrained(folder, ov_config=exact)
answers = []
for prompt, count in prompts:
    ids = torch.tensor([prompt])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                         max_new_tokens=count)
    answers.append(out[0, len(prompt):].tolist())
print(json.dumps(answers))
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["glm", "chatglm", "glm4"])
def test_optimum_reads_an_export_and_gives_its_golden_tokens(tmp_path: Path, layout: str) -> None:
    source = write_checkpoint(tmp_path / "source", layout)
    manifest = export_checkpoint(source, tmp_path / "out", Recipe())
    assert manifest.golden
    subprocess.run([sys.executable, ROOT / "benchmarks" / "optimum_env.py"], check=True)
    asked = json.dumps([(golden.prompt, len(golden.tokens)) for golden in manifest.golden])
    command = [program(default_folder(), "python"), "-c", CHILD, tmp_path / "out", asked]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == [list(golden.tokens) for golden in manifest.golden]
