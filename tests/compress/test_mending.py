"""Every format family trains: on the built-in pair a short QAT mends what rounding has bent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.formats import parse
from engine.formats.registry import FAMILIES
from engine.models.classifier import Classifier
from engine.models.tokens import load_tokens
from engine.store import load
from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.samples import sampled
from engine.training.tokens import Tokens
from engine.training.train import TrainSettings, train

pytestmark = pytest.mark.slow

ROW = 65536  # a block as long as any row: the coarsest sharing of a scale
BENT = (
    "fixed(2)",
    "minifloat(2,2)",
    "minifloat_ieee(2,2)",
    "minifloat_denorm(2,1)",
    "log(2)",
    f"bfp(1,{ROW})",
    f"block_log(2,{ROW})",
    "binary",
    "binary_scaled",
    "binary_residual(1)",
    "ternary",
    "int(2)",
)
UNBENT = (
    f"block_minifloat(1,1,{ROW})",
    f"mxint8({ROW})",
    f"mxfp8_e4m3({ROW})",
    f"mxfp8_e5m2({ROW})",
    f"mxfp6_e3m2({ROW})",
    f"mxfp6_e2m3({ROW})",
    f"mxfp4({ROW})",
    "uint(4)",
    "nf4(64)",
    "nvfp4",
)
STEPS, BATCH, EVALUATED = 30, 32, 200


@dataclass
class Bench:
    classifier: Classifier
    training: Tokens
    held_out: Tokens
    calibration: list[Any]

    def loss(self, model: nn.Module) -> float:
        return evaluate(model, self.held_out, Classes(), batch_size=2 * BATCH, device="cpu").loss

    def quantized(self, spec: str) -> nn.Module:
        return quantize_model(self.classifier.model, LayerFormats(spec, spec, spec), self.calibration)

    def trained(self, model: nn.Module) -> nn.Module:
        settings = TrainSettings(steps=STEPS, batch_size=BATCH, learning_rate=3e-4, seed=0)
        train(model, self.training, Classes(), settings, device="cpu")
        return model


@pytest.fixture(scope="module")
def bench(builtin_home: Path) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABTUI_HOME", str(builtin_home))
        classifier = load("builtin")
        splits = load_tokens("builtin", classifier.tokenizer, 64, 0)
        calibration = list(sampled(splits.train, 2 * BATCH, 0).batches(BATCH))
        yield Bench(classifier, splits.train, sampled(splits.test, EVALUATED, 0), calibration)


def test_every_family_is_here() -> None:
    assert {parse(spec).spec.name for spec in BENT + UNBENT} == set(FAMILIES) - {"fp32"}


@pytest.mark.parametrize("spec", BENT)
def test_a_short_training_mends_what_rounding_bent(spec: str, bench: Bench) -> None:
    torch.manual_seed(0)
    model = bench.quantized(spec)
    whole, rounded = bench.loss(bench.classifier.model), bench.loss(model)
    assert rounded > whole + 0.1
    assert bench.loss(bench.trained(model)) < rounded - 0.05


@pytest.mark.parametrize("spec", UNBENT)
def test_formats_that_bend_nothing_even_at_their_coarsest_stand_training(spec: str, bench: Bench) -> None:
    """Their elements' own exponents, or seven bits, hold every weight of a row: there is nothing to mend."""
    torch.manual_seed(0)
    model = bench.quantized(spec)
    whole = bench.loss(bench.classifier.model)
    assert bench.loss(model) == pytest.approx(whole, abs=0.05)
    assert bench.loss(bench.trained(model)) == pytest.approx(whole, abs=0.06)
