"""On a real GPU: `pytest -m gpu`."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cuda_kernels import MXInt8Linear, available_backends, dequantize, quantize
from tests.kernels.oracle import DTYPES, all_pairs, decoded, ordinary, rounded, same

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def backend() -> None:
    if "cuda" not in available_backends():
        pytest.skip("needs the cuda12 or cuda13 extra")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("group", [8, 12, 16, 32, 64, 128, 256, 511, 512])
def test_every_pair(group: int, dtype: torch.dtype) -> None:
    mantissa, scale = all_pairs(group)
    result = dequantize(mantissa.cuda(), scale.cuda(), group, dtype)
    assert same(result, rounded(decoded(mantissa, scale, group), dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("length", [1, 7, 8, 33, 511, 4099, 65_537])
def test_tails(rows: int, length: int, dtype: torch.dtype) -> None:
    mantissa, scale = ordinary(rows, length, 32)
    assert same(dequantize(mantissa.cuda(), scale.cuda(), 32, dtype), rounded(decoded(mantissa, scale, 32), dtype))


@pytest.mark.parametrize("offset", [1, 2, 4, 8])
def test_unaligned_views(offset: int) -> None:
    mantissa, scale = ordinary(1, 4096, 32)
    inputs = torch.empty(4112, dtype=torch.int8, device="cuda")
    inputs[offset : offset + 4096] = mantissa[0].cuda()
    room = torch.full((4112,), 7.0, dtype=torch.bfloat16, device="cuda")
    dequantize(inputs[offset : offset + 4096], scale[0].cuda(), out=room[offset : offset + 4096])
    expected = rounded(decoded(mantissa, scale, 32), torch.bfloat16)[0]
    assert same(room[offset : offset + 4096], expected)
    assert (room[:offset] == 7).all()
    assert (room[offset + 4096 :] == 7).all()


def test_runs_on_the_current_stream() -> None:
    mantissa, scale = (t.cuda() for t in ordinary(1, 1 << 20, 32))
    expected = dequantize(mantissa, scale)
    stream = torch.cuda.Stream()
    late = torch.zeros_like(mantissa)
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)  # another stream would decode the zeros
        late.copy_(mantissa)
        result = dequantize(late, scale)
    stream.synchronize()
    assert same(result, expected)


def test_can_be_captured_in_a_graph() -> None:
    mantissa, scale = (t.cuda() for t in ordinary(1, 100_003, 32))
    out = torch.zeros_like(mantissa, dtype=torch.bfloat16)
    expected = dequantize(mantissa, scale)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        dequantize(mantissa, scale, out=out)
    assert not out.any()
    graph.replay()
    assert same(out, expected)
    mantissa.zero_()
    graph.replay()
    assert not out[~out.isnan()].any()


def test_more_bytes_than_an_int32_counts() -> None:
    count = (1 << 30) + 32
    mantissa = torch.ones(count, dtype=torch.int8, device="cuda")
    mantissa[-32:] = 5
    scale = torch.full((count // 32,), 133, dtype=torch.uint8, device="cuda")
    scale[-1] = 134
    out = dequantize(mantissa, scale)
    assert out.nbytes > 1 << 31
    assert (out[:-32] == 1).all()
    assert (out[-32:] == 10).all()


@pytest.mark.parametrize("group", [8, 12, 32, 100, 512])
@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (300, 1024), (3, 4099)])
def test_quantize_equals_the_cpu(shape: tuple[int, int], group: int) -> None:
    x = torch.randn(shape) * torch.exp2(torch.randint(-120, 120, shape))
    for found, expected in zip(quantize(x.cuda(), group), quantize(x, group), strict=True):
        assert np.array_equal(found.cpu().numpy(), expected.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3])
def test_linear(rows: int, dtype: torch.dtype) -> None:
    packed = MXInt8Linear.from_linear(nn.Linear(1024, 333)).cuda()
    x = torch.randn(rows, 1024, device="cuda").to(dtype).requires_grad_()
    weight, bias = packed.dequantized(torch.float32).double(), packed.bias.to(dtype).double()
    expected = functional.linear(x.double(), weight, bias)
    bound = functional.linear(x.double().abs(), weight.abs()) * 2.0**-20 + expected.abs() * torch.finfo(dtype).eps
    result = packed(x)
    if rows == 1 or dtype != torch.float32:  # many rows of float32 may go through TensorFloat-32
        assert ((result - expected).abs() <= bound).all()
    compiled = torch.compile(packed, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), result)
    (gradient,) = torch.autograd.grad(result.sum(), x)
    assert torch.allclose(gradient, packed.dequantized(dtype).sum(0).expand_as(x), rtol=0.02, atol=0.02)
