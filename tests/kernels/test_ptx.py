"""The kernels compiled for a Hopper GPU. numba-cuda brings its compiler along, so this needs no GPU."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("numba_cuda")

from cuda_kernels import cuda


@pytest.fixture(autouse=True)
def hopper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba asks the current device what device functions are compiled for, even where the kernel's target is given."""
    device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)


def ptx(make: Any, group: int, dtype: str) -> str:
    return cuda.ptx(make, group, dtype, (9, 0))


def accesses(text: str) -> set[str]:
    return set(re.findall(r"\b((?:ld|st)\.global\S*)", text))


KERNELS = [
    *((cuda.lines_kernel, group, dtype) for group in (8, 32, 512) for dtype in ("bfloat16", "float16", "float32")),
    *((cuda.any_kernel, 33, dtype) for dtype in ("bfloat16", "float16", "float32")),
    (cuda.encode_kernel, 32, "float32"),
    (cuda.row_kernel, 32, "float32"),
]


@pytest.mark.parametrize(("make", "group", "dtype"), KERNELS)
def test_nothing_slow_or_inexact_is_left(make: Any, group: int, dtype: str) -> None:
    text = ptx(make, group, dtype)
    assert ".target sm_90" in text
    assert ".ftz" not in text  # flushing subnormals would change values
    assert ".local" not in text
    assert not re.search(r"\bcall\b", text)
    assert ".f64" not in text
    assert "cvt.rn.f32.s64" not in text  # a quarter of the speed of the 32-bit conversion


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_sixteen_bit_lines_move_8_bytes_in_and_16_out(dtype: str) -> None:
    assert accesses(ptx(cuda.lines_kernel, 32, dtype)) == {"ld.global.u64", "ld.global.u8", "st.global.v4.u32"}


def test_float32_lines_move_4_bytes_in_and_16_out() -> None:
    assert accesses(ptx(cuda.lines_kernel, 32, "float32")) == {"ld.global.u32", "ld.global.u8", "st.global.v4.u32"}


def test_lines_load_for_two_steps_before_they_decode() -> None:
    text = ptx(cuda.lines_kernel, 32, "bfloat16")
    both = text.split("ld.global.u64")[1:]
    assert any("cvt.rn" not in between for between in both[:-1])


def test_one_row_loads_activations_16_bytes_at_a_time() -> None:
    assert {"ld.global.v4.f32", "ld.global.u64", "ld.global.u8"} <= accesses(ptx(cuda.row_kernel, 32, "float32"))


def test_float16_is_one_conversion() -> None:
    assert "cvt.rn.f16.f32" in ptx(cuda.lines_kernel, 32, "float16")
