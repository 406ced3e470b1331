"""Where the bytes are."""

import pytest
import torch
from torch import nn

from cuda_kernels import MXInt8Linear, account


def test_packed_and_unpacked_are_told_apart() -> None:
    linear = nn.Linear(64, 32)
    model = nn.Sequential(nn.Embedding(100, 64), MXInt8Linear.from_linear(linear), nn.LayerNorm(32))
    report = account(model)
    rows = [(h.name, h.kind, h.packed, h.bytes, h.float_bytes) for h in report.holdings]
    assert rows == [
        ("0", "Embedding", False, 25_600, 25_600),
        ("1", "MXInt8Linear", True, 2048 + 64, 8192),
        ("1", "bias", False, 128, 128),
        ("2", "LayerNorm", False, 256, 256),
    ]
    assert report.bytes == sum(t.nbytes for t in model.state_dict().values())
    assert report.float_bytes == 25_600 + 8192 + 128 + 256
    assert report.ideal == (32 - 8.25) / 32
    assert report.saving == pytest.approx((8192 - 2112) / 34_176)
    assert report.scratch_bytes == 8192
    assert account(model, torch.bfloat16).scratch_bytes == 4096


def test_shared_tensors_count_once() -> None:
    embedding, head = nn.Embedding(10, 8), nn.Linear(8, 10, bias=False)
    head.weight = embedding.weight
    assert account(nn.Sequential(embedding, head)).bytes == 320


def test_nothing_saves_nothing() -> None:
    report = account(nn.Identity())
    assert (report.saving, report.ideal, report.scratch_bytes) == (0, 0, 0)
