"""Whatever calls a model, what the model's own code raises is reported as that: what, and where."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress import LayerFormats, quantize_model
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_units import example_inputs
from engine.experiments.search.trial import operations
from engine.profiling.specimen import specimen
from engine.profiling.steps import measure
from engine.training.evaluate import evaluate
from engine.training.forward import ForwardError
from engine.training.latency import latency
from engine.training.objective import Classes
from engine.training.tokens import Tokens
from engine.training.train import TrainSettings, train
from tests.zoo.small import small_model

TEXTS = Tokens(torch.arange(3, 35, dtype=torch.int32), torch.arange(0, 33, 8), torch.arange(4) % 2)
HOW: dict[str, Any] = {"device": "cpu"}


def profiled(model: nn.Module, training: bool) -> None:
    drawn = specimen("it", model, dtype=torch.float32, device="cpu", batch=2, sequence=8)
    measure(drawn, "cpu", training=training, steps=1, repeats=3, keep=None)


CALLS: dict[str, Callable[[nn.Module], object]] = {
    "calibration": lambda model: quantize_model(model, LayerFormats("fixed(8)", "fixed(8)"), [example_inputs(model)]),
    "scores": lambda model: prune_model(model, Pruning("wanda"), [example_inputs(model)]),
    "evaluation": lambda model: evaluate(model, TEXTS, Classes(), batch_size=2, **HOW),
    "training": lambda model: train(model, TEXTS, Classes(), TrainSettings(steps=1, batch_size=2), **HOW),
    "latency": lambda model: latency(model, TEXTS, batch_size=2, **HOW),
    "operations": lambda model: operations(model, 8),
    "step": lambda model: profiled(model, training=False),
}


class Wrong(torch.autograd.Function):
    """Comes to grief in its backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        raise TypeError("no gradient of this")


@pytest.mark.parametrize("call", CALLS)
def test_in_its_forward(call: str) -> None:
    model = small_model("bert")

    def fails(*_: object) -> None:
        raise TypeError("unsupported operand")

    model.bert.encoder.layer[0].register_forward_hook(fails)  # type: ignore[union-attr,operator,index]
    with pytest.raises(
        ForwardError, match=r"the model's forward raised TypeError: unsupported operand, at .*test_raised"
    ):
        CALLS[call](model)


@pytest.mark.parametrize(
    "call", [CALLS["training"], lambda model: profiled(model, training=True)], ids=["training", "step"]
)
def test_in_its_backward(call: Callable[[nn.Module], object]) -> None:
    model = small_model("bert")
    model.bert.encoder.layer[0].register_forward_hook(lambda _, __, out: Wrong.apply(out))  # type: ignore[union-attr,operator,index]
    with pytest.raises(
        ForwardError, match=r"the model's backward raised TypeError: no gradient of this, at .*test_raised"
    ):
        call(model)
