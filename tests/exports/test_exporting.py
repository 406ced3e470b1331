"""From a run to a plan: what is refused with a sentence before torch is loaded, and what a comparison counts."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from engine import extras
from engine.errors import InputError
from engine.experiments.exporting import planned
from engine.exports.comparing import compare
from engine.exports.registry import TARGETS
from engine.models.manifest import Manifest, PackedEntry
from engine.training.forward import NotFiniteError
from engine.training.images import Images
from engine.training.objective import Classes
from tests.exports.kept import exported, run_keeping

Pair = dict[str, str]


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name.startswith("onnx") else object())
    with pytest.raises(InputError) as error:
        TARGETS["onnx"].check_installed()
    assert str(error.value) == (
        "ONNX needs onnx and onnxscript and onnxruntime, not installed here; run: pip install 'labtui[onnx]'."
    )


def test_packed_layers_block_every_target() -> None:
    manifest = Manifest(layers={"a": PackedEntry(kind="mxint8", group=32, shape=(4, 4))})
    for target in TARGETS.values():
        assert "packed MXINT8 codes" in target.blocked("causal-lm", manifest, {"model_type": "llama"})
        assert target.blocked("causal-lm", Manifest(), {"model_type": "llama"}) == ""


def test_a_point_without_a_model_is_refused(small_pair: Pair, tmp_path: Path) -> None:
    run = run_keeping(small_pair, lambda model: model)
    assert planned(run, "onnx", tmp_path / "m.onnx").said == ()
    with pytest.raises(InputError, match="has no point 3; its points are 0 to 0"):
        planned(run, "onnx", tmp_path / "m.onnx", point=3)


def test_what_a_library_raises_over_a_model_is_one_sentence_and_leaves_nothing(
    small_pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(source: object, path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no operator aten::rare")

    monkeypatch.setattr(TARGETS["onnx"], "write", write)
    run = run_keeping(small_pair, lambda model: model)
    with pytest.raises(InputError, match=r"ONNX cannot take this model .*no operator aten::rare.*nothing was written"):
        exported(run, "onnx", tmp_path / "m.onnx")
    assert {one.name for one in tmp_path.iterdir()} == {"labtui"}


class Given(nn.Module):
    """Its input is its output."""

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=pixel_values.flatten(1))


def test_a_comparison_counts_predictions_and_finds_the_largest_difference() -> None:
    pixels = torch.tensor([[9, 1], [1, 9], [7, 8], [5, 2]], dtype=torch.uint8).view(4, 2, 1, 1)
    samples = Images(pixels, torch.tensor([0, 1, 0, 1]), torch.ones(2), torch.zeros(2))

    def other(inputs: dict[str, Tensor]) -> Tensor:
        return inputs["pixel_values"].flatten(1) + torch.tensor([0.0, 3.5])

    found = compare(Given(), other, samples, Classes(), 3, lambda *_: None)  # type: ignore[arg-type]
    assert (found.equal, found.predictions, found.difference) == (3, 4, 3.5)
    assert (found.here.value, found.there.value, found.here.n) == (0.5, 0.75, 4)
    with pytest.raises(NotFiniteError, match="the export's logits are not finite"):
        compare(Given(), lambda _: torch.full((3, 2), torch.nan), samples, Classes(), 3, lambda *_: None)
