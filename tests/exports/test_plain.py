"""A compressed model as ordinary layers: the values that it computes with, and itself left as it was."""

from pathlib import Path

import torch

from engine.compress import LayerFormats, quantize_model
from engine.experiments.exporting import _opened, planned
from engine.exports.plain import plain_model
from tests.exports.kept import run_keeping


def test_a_loaded_model_keeps_the_values_that_were_stored(small_pair: dict[str, str], tmp_path: Path) -> None:
    run = run_keeping(small_pair, lambda model: quantize_model(model, LayerFormats("uint(4,8)"), []))
    source, test, _ = _opened(planned(run, "pt2", tmp_path / "m.pt2"), 20, lambda *_: None)
    batch = next(test.batches(20)).inputs
    with torch.no_grad():
        before = source.model(**batch).logits
    plain = plain_model(source.model, lambda _: None)
    with torch.no_grad():
        assert torch.equal(source.model(**batch).logits, before)
        assert torch.equal(plain(**batch).logits, before)
