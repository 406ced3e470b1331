"""Channels cut out of convolutional nets: smaller, finite, the lowest go, and the same when loaded again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.compress import Pruning, prune_model
from engine.compress.prune_channels import cut_channels
from engine.errors import InputError
from engine.store import load, save
from tests.tasks.pictures import write_model

pytest.importorskip("torch_pruning")
INPUTS = {"pixel_values": torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))}
TYPES = ("Linear", "Conv2d")


class Chain(nn.Module):
    """Two convolutions and a head, without bias: what a channel is worth can be counted by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 6, 1, bias=False)
        self.head = nn.Linear(6, 2, bias=False)

    def forward(self, pixel_values: torch.Tensor) -> Any:
        features = self.second(self.first(pixel_values).relu()).mean((2, 3))
        return type("Out", (), {"logits": self.head(features)})()


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("method", ["l1", "random"])
def test_half_of_the_channels_go(tmp_path: Path, method: str, scope: Any) -> None:
    subject = load(str(write_model(tmp_path / "net")))
    whole = sum(one.numel() for one in subject.model.parameters())
    pruning = Pruning(method, 0.5, "channels", scope, include=TYPES)
    subject.model = prune_model(subject.model, pruning, [INPUTS])
    logits = subject.model(**INPUTS).logits
    assert logits.shape == (4, 3)
    assert torch.isfinite(logits).all()
    assert sum(one.numel() for one in subject.model.parameters()) < 0.7 * whole
    size = save(subject, tmp_path / "saved")
    assert size < (tmp_path / "net" / "model.safetensors").stat().st_size
    again = load(str(tmp_path / "saved"))
    assert torch.equal(again.model(**INPUTS).logits, logits)
    save(again, tmp_path / "twice")
    assert torch.equal(load(str(tmp_path / "twice")).model(**INPUTS).logits, logits)


def test_the_lowest_sums_of_all_that_goes_are_cut() -> None:
    """A channel of the first layer is its row of 3 and its column of 6 weights in the second."""
    model = Chain()
    with torch.no_grad():
        model.first.weight.copy_(torch.tensor([5.0, 1, 2, 4]).view(4, 1, 1, 1).expand(4, 3, 1, 1))
        model.second.weight.copy_(torch.tensor([0.0, 3, 0, 0]).view(1, 4, 1, 1).expand(6, 4, 1, 1))
    cut_channels(model, ["first"], "l1", 0.5, False, 0, [INPUTS])  # scores 15, 3 + 18, 6, 12
    assert model.first.weight[:, 0, 0, 0].tolist() == [5, 1]
    assert (model.second.in_channels, model.head.in_features) == (2, 6)


def test_a_layer_that_is_left_out_keeps_its_channels(tmp_path: Path) -> None:
    model = Chain()
    cut_channels(model, ["second"], "l1", 0.5, False, 0, [INPUTS])
    assert (model.first.out_channels, model.second.out_channels, model.head.in_features) == (4, 3, 3)


def test_what_has_no_channels_is_said() -> None:
    with pytest.raises(InputError, match="no channels that can be cut out are in Chain"):
        cut_channels(Chain(), ["head"], "l1", 0.5, False, 0, [INPUTS])
    with pytest.raises(InputError, match="give data with a train set"):
        cut_channels(Chain(), ["first"], "l1", 0.5, False, 0, [])
