"""torch.export: the program alone, loaded by torch, computes as the model does."""

from pathlib import Path

import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.experiments.exporting import planned
from tests.exports.kept import exported, run_keeping


def rounded(model: nn.Module) -> nn.Module:
    weights = {"*layer.0*": "nf4(16)", "*": "bfp(4,8)"}
    return quantize_model(model, LayerFormats(weights, {"*query": "mxint8", "*": "int(8,8)"}), [])


def test_torch_loads_the_same_program(small_pair: dict[str, str], tmp_path: Path) -> None:
    run, file = run_keeping(small_pair, rounded), tmp_path / "m.pt2"
    assert planned(run, "pt2", file, strict=True).said == ()
    found = exported(run, "pt2", file).compared
    assert found.equal == found.predictions == found.here.n == 40
    assert found.difference < 1e-4
    assert b".py" not in file.read_bytes(), "no lines of code with this machine's paths"
    tokens = torch.arange(5).view(1, 5)
    program = torch.export.load(file).module()
    assert program(tokens, torch.ones_like(tokens)).shape == (1, 2)
