"""`dequantize` on the CPU against float64 arithmetic."""

import os
import subprocess
import sys

import pytest
import torch

from cuda_kernels import api, available_backends, cpu, dequantize
from tests.kernels.oracle import DTYPES, all_pairs, decoded, ordinary, rounded, same


@pytest.fixture(params=["through the cache", "past the cache", "without vectors"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large outputs are streamed, and a CPU without the vectors decodes one by one; here all do for small ones."""
    if request.param == "past the cache":
        monkeypatch.setattr(cpu, "_LARGE", 0)
    if request.param == "without vectors":
        monkeypatch.setattr(cpu, "_has_vectors", lambda dtype: False)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("group", [8, 12, 16, 32, 48, 64, 100, 128, 256, 511, 512])
def test_every_pair(group: int, dtype: torch.dtype) -> None:
    mantissa, scale = all_pairs(group)
    assert same(dequantize(mantissa, scale, group, dtype), rounded(decoded(mantissa, scale, group), dtype))


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("length", [1, 7, 31, 32, 33, 1000, 4099])
def test_any_length(rows: int, length: int, dtype: torch.dtype) -> None:
    mantissa, scale = ordinary(rows, length, 32)
    assert same(dequantize(mantissa, scale, 32, dtype), rounded(decoded(mantissa, scale, 32), dtype))


def test_bfloat16_in_groups_of_32_is_the_default() -> None:
    mantissa, scale = ordinary(2, 64, 32)
    assert same(dequantize(mantissa, scale), rounded(decoded(mantissa, scale, 32), torch.bfloat16))


def test_other_ranks_and_one_scale_per_row() -> None:
    mantissa, scale = ordinary(6, 32, 32)
    expected = dequantize(mantissa, scale)
    assert same(dequantize(mantissa.reshape(2, 3, 32), scale.reshape(2, 3, 1)), expected.reshape(2, 3, 32))
    assert same(dequantize(mantissa, scale.reshape(6)), expected)
    assert same(dequantize(mantissa.reshape(-1), scale.reshape(-1)), expected.reshape(-1))


def test_nothing_to_do() -> None:
    empty = torch.empty(0, dtype=torch.uint8)
    assert dequantize(torch.empty(0, dtype=torch.int8), empty).shape == (0,)
    assert dequantize(torch.empty((0, 5), dtype=torch.int8), empty).shape == (0, 5)
    assert dequantize(torch.empty((5, 0), dtype=torch.int8), empty).shape == (5, 0)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("offset", [1, 2, 3, 8])
def test_out_may_be_an_unaligned_view(offset: int) -> None:
    mantissa, scale = ordinary(1, 4096, 32)
    room = torch.full((4096 + 16,), 7.0, dtype=torch.bfloat16)
    inputs = torch.empty(4096 + 16, dtype=torch.int8)
    inputs[offset : offset + 4096] = mantissa[0]
    out = room[offset : offset + 4096]
    assert dequantize(inputs[offset : offset + 4096], scale[0], out=out) is out
    assert same(out, rounded(decoded(mantissa, scale, 32), torch.bfloat16)[0])
    assert (room[:offset] == 7).all()
    assert (room[offset + 4096 :] == 7).all()


def test_inputs_may_be_strided() -> None:
    mantissa, scale = ordinary(64, 64, 32)
    assert same(dequantize(mantissa.T, scale.T), dequantize(mantissa.T.contiguous(), scale.T.contiguous()))


@pytest.mark.slow
def test_numba_may_compile_for_another_processor() -> None:
    """The vectors are those of Numba's target, which a user may choose, and not of the machine."""
    code = (
        "import torch; from cuda_kernels import dequantize, quantize; "
        "print(dequantize(*quantize(torch.ones(2, 64)), dtype=torch.float16).sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CPU_NAME": "generic"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "tensor(128., dtype=torch.float16)"


INT8, UINT8 = torch.zeros(64, dtype=torch.int8), torch.zeros(2, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"mantissa": UINT8}, TypeError, "mantissa is uint8: it must be int8"),
        ({"scale": INT8}, TypeError, "scale is int8: it must be uint8"),
        ({"dtype": torch.float64}, TypeError, "dtype is float64: choose bfloat16 or float16 or float32"),
        ({"scale": UINT8[:1]}, ValueError, "scale has 1 elements: mantissa [64] in groups of 32"),
        ({"group": 7}, ValueError, "group is 7: choose a whole number from 8 to 512"),
        ({"group": 513}, ValueError, "group is 513"),
        ({"group": 32.0}, ValueError, "group is 32.0"),
        ({"mantissa": INT8[0]}, ValueError, "mantissa has no dimension"),
        ({"out": torch.zeros(64)}, TypeError, "out is float32: it must be bfloat16"),
        ({"out": torch.zeros(32, dtype=torch.bfloat16)}, ValueError, "out must be contiguous and of shape [64]"),
        ({"out": torch.zeros(128, dtype=torch.bfloat16)[::2]}, ValueError, "out must be contiguous"),
        ({"scale": UINT8.to("meta")}, ValueError, "scale is on meta and mantissa on cpu"),
        (
            {"mantissa": INT8.to("meta"), "scale": UINT8.to("meta")},
            ValueError,
            "kernels for cpu and cuda, not for meta",
        ),
    ],
)
def test_what_cannot_be_used_is_named(arguments: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        dequantize(**{"mantissa": INT8, "scale": UINT8, **arguments})  # type: ignore[arg-type]
    assert says in str(caught.value)


def test_the_cpu_is_always_a_backend() -> None:
    assert available_backends()[0] == "cpu"


def test_compiled_code_sees_one_operator() -> None:
    mantissa, scale = ordinary(4, 50, 32)
    compiled = torch.compile(lambda m, s: dequantize(m, s, 32, torch.float32) * 2, fullgraph=True, backend="aot_eager")
    assert same(compiled(mantissa, scale), dequantize(mantissa, scale, 32, torch.float32) * 2)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (ModuleNotFoundError("No module named 'numba_cuda'"), "needs numba-cuda: `make cuda13`"),
        (
            AttributeError("module 'numpy' has no attribute 'row_stack'"),
            "does not load (AttributeError: module 'numpy'",
        ),
    ],
)
def test_a_gpu_without_kernels_is_no_backend(trouble: Exception, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise trouble

    monkeypatch.setattr("cuda_kernels.api.import_module", fails)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(RuntimeError) as caught:
        api.backend(torch.device("cuda"))
    assert says in str(caught.value)
    assert available_backends() == ("cpu",)
