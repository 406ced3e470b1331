"""On a real GPU: `pytest -m gpu`."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cuda_kernels import MXInt8Linear, available_backends, bench, dequantize, quantize
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [1, 2, 4, 8])
def test_unaligned_views(offset: int, dtype: torch.dtype) -> None:
    mantissa, scale = ordinary(1, 4096, 32)
    inputs = torch.empty(4112, dtype=torch.int8, device="cuda")
    inputs[offset : offset + 4096] = mantissa[0].cuda()
    room = torch.full((4112,), 7.0, dtype=dtype, device="cuda")
    dequantize(inputs[offset : offset + 4096], scale[0].cuda(), dtype=dtype, out=room[offset : offset + 4096])
    expected = rounded(decoded(mantissa, scale, 32), dtype)[0]
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


def test_more_elements_than_an_int32_counts_in_groups_that_no_line_fits() -> None:
    count = 12 * ((1 << 31) // 12 + 2)
    mantissa = torch.zeros(count, dtype=torch.int8, device="cuda")
    mantissa[-12:] = 5
    scale = torch.full((count // 12,), 133, dtype=torch.uint8, device="cuda")
    out = dequantize(mantissa, scale, 12)
    assert (out[-12:] == 5).all()
    again, codes = quantize(out, 12)
    assert (again[-12:] == 80).all()
    assert codes[-1] == 129
    assert not again[:-12].any()


def test_quantize_equals_the_reference_vectors(vectors: Path) -> None:
    expected = np.load(vectors / "mxint8.npz")
    mantissa, scale = quantize(torch.from_numpy(expected["x"]).cuda())
    assert np.array_equal(mantissa.cpu().numpy(), expected["code_sym"])
    assert np.array_equal(scale.cpu().numpy()[:, 0], expected["scale"])


@pytest.mark.parametrize("group", [8, 12, 32, 512])
@pytest.mark.parametrize("special", [0.0, -0.0, 2.0**-149, -(2.0**-127), 3.4e38, torch.inf, -torch.inf, torch.nan])
def test_quantize_of_what_is_no_ordinary_number_equals_the_cpu(special: float, group: int) -> None:
    x = torch.full((3, 1030), special)
    x[1] = torch.randn(1030)
    x[1, 700] = special
    for found, expected in zip(quantize(x.cuda(), group), quantize(x, group), strict=True):
        assert torch.equal(found.cpu(), expected)


@pytest.mark.parametrize("group", [8, 12, 32, 100, 512])
@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (300, 1024), (3, 4099)])
def test_quantize_equals_the_cpu(shape: tuple[int, int], group: int) -> None:
    x = torch.randn(shape) * torch.exp2(torch.randint(-120, 120, shape))
    for found, expected in zip(quantize(x.cuda(), group), quantize(x, group), strict=True):
        assert np.array_equal(found.cpu().numpy(), expected.numpy())


@pytest.mark.parametrize("group", [8, 32, 512])
def test_one_row_may_have_strides(group: int) -> None:
    packed = MXInt8Linear.from_linear(nn.Linear(1024, 1), group).cuda()
    spread = torch.randn(1024, 3, device="cuda")
    assert torch.equal(packed(spread[:, 1]), packed(spread[:, 1].clone()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("group", [8, 32, 512])
def test_linear(group: int, rows: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bf16", "fp16"):  # torch's own sums are to be those of float32
        monkeypatch.setattr(torch.backends.cuda.matmul, f"allow_{name}_reduced_precision_reduction", False)
    packed = MXInt8Linear.from_linear(nn.Linear(1024, 333), group).cuda()
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


def test_the_bench_measures_every_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_CACHE_BYTES", {"cuda": 1 << 22})
    measured = bench.measure("cuda", 1 << 20, repeats=4)
    assert {"copy", "labtui", "torch eager", "torch.compile"} <= {one.name for one in measured}
    assert all(one.median > 0 for one in measured), [one.note for one in measured]
