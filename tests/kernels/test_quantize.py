"""`quantize` against the reference vectors and against the definition in float64."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cuda_kernels import dequantize, quantize
from tests.kernels.oracle import DTYPES


def definition(x: torch.Tensor, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Finite x `[rows, n]`, by frexp and division in float64, a group at a time."""
    rows, length = x.shape
    mantissa = np.zeros((rows, length), np.int8)
    scale = np.zeros((rows, -(-length // group)), np.uint8)
    for row in range(rows):
        for b in range(scale.shape[1]):
            part = slice(b * group, (b + 1) * group)
            values = x[row, part].double().numpy()
            exponent = np.frexp(np.abs(values).max())[1] - 1 if values.any() else -127
            exponent = min(max(exponent, -127), 127)
            scale[row, b] = 127 + exponent
            mantissa[row, part] = np.clip(np.rint(np.ldexp(values, 6 - exponent)), -127, 127)
    return mantissa, scale


def test_reference_vectors(vectors: Path) -> None:
    expected = np.load(vectors / "mxint8.npz")
    mantissa, scale = quantize(torch.from_numpy(expected["x"]))
    assert np.array_equal(mantissa.numpy(), expected["code_sym"])
    assert np.array_equal(scale.numpy()[:, 0], expected["scale"])
    assert np.array_equal(
        dequantize(mantissa, scale, dtype=torch.float32).numpy(), expected["value_sym"], equal_nan=True
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("group", [8, 20, 32, 512])
@pytest.mark.parametrize(("rows", "length"), [(1, 1), (3, 33), (40, 512), (2, 1025)])
def test_definition(rows: int, length: int, group: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(length)
    sizes = torch.exp2(torch.randint(-14, 15, (rows, length), generator=generator))
    x = (torch.randn(rows, length, generator=generator) * sizes).to(dtype)
    mantissa, scale = quantize(x, group)
    expected_mantissa, expected_scale = definition(x, group)
    assert np.array_equal(mantissa.numpy(), expected_mantissa)
    assert np.array_equal(scale.numpy(), expected_scale)


@pytest.mark.parametrize("exponent", range(-149, 128))
def test_every_exponent(exponent: int) -> None:
    x = torch.ldexp(torch.linspace(-1.99, 1.99, 32, dtype=torch.float64), torch.tensor(exponent)).float()[None]
    mantissa, scale = quantize(x)
    expected_mantissa, expected_scale = definition(x, 32)
    assert np.array_equal(mantissa.numpy(), expected_mantissa)
    assert np.array_equal(scale.numpy(), expected_scale)


def test_codes_survive_a_round_trip() -> None:
    generator = torch.Generator().manual_seed(0)
    mantissa = torch.randint(-127, 128, (255, 32), dtype=torch.int8, generator=generator)
    mantissa[:, 0] = 64  # a group's scale is found again where its largest mantissa needs it
    scale = torch.arange(255, dtype=torch.uint8)[:, None]
    again, same_scale = quantize(dequantize(mantissa, scale, dtype=torch.float32))
    assert torch.equal(again, mantissa)
    assert torch.equal(same_scale, scale)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_group_with_nan_or_infinity_is_nan(bad: float) -> None:
    x = torch.ones(3, 32)
    x[1, 5] = bad
    mantissa, scale = quantize(x)
    assert scale.flatten().tolist() == [127, 255, 127]
    assert not mantissa[1].any()
    assert dequantize(mantissa, scale).isnan().any(dim=1).tolist() == [False, True, False]


def test_shapes() -> None:
    mantissa, scale = quantize(torch.zeros(2, 3, 40))
    assert mantissa.shape == (2, 3, 40)
    assert scale.shape == (2, 3, 2)
    assert not scale.any()
    assert [t.shape for t in quantize(torch.zeros(4, 0))] == [(4, 0), (4, 0)]


def test_strided_and_tracked_input() -> None:
    x = torch.randn(64, 40, requires_grad=True)
    assert torch.equal(quantize(x.T)[0], quantize(x.T.detach().contiguous())[0])


def test_what_cannot_be_used_is_named() -> None:
    with pytest.raises(TypeError, match="x is float64: it must be bfloat16 or float16 or float32"):
        quantize(torch.zeros(32, dtype=torch.float64))
    with pytest.raises(ValueError, match="x has no dimension"):
        quantize(torch.tensor(1.0))
    with pytest.raises(ValueError, match="group is 4"):
        quantize(torch.zeros(32), group=4)
