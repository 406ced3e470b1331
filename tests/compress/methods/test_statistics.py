"""H, mean |x| and max |x| against sums in float64, for every kind of layer."""

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from engine.compress.methods.statistics import Statistics, channels_of, columns_of
from engine.layers import kind_of

LAYERS = {
    "linear": (lambda: nn.Linear(12, 5), (4, 7, 12)),
    "transposed": (lambda: Conv1D(5, 12), (4, 7, 12)),
    "conv2d": (lambda: nn.Conv2d(6, 8, 3, stride=2, padding=1), (3, 6, 9, 10)),
    "conv2d groups": (lambda: nn.Conv2d(6, 8, (3, 2), padding=(2, 1), dilation=2, groups=2), (3, 6, 9, 10)),
    "conv2d circular": (lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), (2, 4, 6, 6)),
    "conv2d same": (lambda: nn.Conv2d(4, 4, 3, padding="same"), (2, 4, 6, 6)),
    "conv1d": (lambda: nn.Conv1d(6, 8, 3, stride=2, padding=2, groups=2), (3, 6, 11)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_patches_times_rows_are_the_layers_output(name: str) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    layer, x = make(), torch.randn(shape)
    columns = columns_of(layer, x)
    kind, groups = kind_of(layer), len(columns)
    rows = kind.rows(layer.weight).unflatten(0, (groups, -1))
    product = torch.einsum("gnc,goc->ngo", columns.double(), rows.double()).flatten(1)
    layer.bias.data.zero_()
    y = layer(x)
    expected = y if y.dim() == 3 and "conv1d" not in name else y.flatten(2).mT
    torch.testing.assert_close(product, expected.reshape(-1, expected.shape[-1]).double(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_moments_are_those_of_all_batches(name: str) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(1)
    layer, batches = make(), [torch.randn(shape) for _ in range(3)]
    statistics = Statistics(layer)
    for x in batches:
        statistics.observe(x)
    moments = statistics.moments()
    columns = torch.cat([columns_of(layer, x) for x in batches], 1).double()
    torch.testing.assert_close(moments.hessian, 2 * columns.mT @ columns / columns.shape[1], rtol=1e-5, atol=1e-5)
    values = torch.cat([channels_of(layer, x) for x in batches]).double()
    torch.testing.assert_close(moments.mean, values.abs().mean(0))
    torch.testing.assert_close(moments.peak, values.abs().amax(0))
    assert moments.seen == columns.shape[1]


def test_padding_is_left_out() -> None:
    torch.manual_seed(2)
    layer, x = nn.Linear(6, 3), torch.randn(4, 5, 6)
    inside = torch.arange(5) < torch.tensor([5, 1, 3, 2]).unsqueeze(1)
    padded, bare = Statistics(layer), Statistics(layer)
    padded.observe(torch.where(inside.unsqueeze(-1), x, 100.0), inside)
    bare.observe(x[inside])
    assert torch.equal(padded.moments().hessian, bare.moments().hessian)
    assert padded.moments().seen == 11


def test_few_rows_leave_h_short_of_full_rank() -> None:
    statistics = Statistics(nn.Linear(6, 3))
    assert statistics.moments() is None
    statistics.observe(torch.randn(5, 6))
    assert not statistics.moments().full_rank
