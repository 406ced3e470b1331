"""The core on every pair, compiled as CUDA compiles it: Numba gives integers the same types for both."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit

from cuda_kernels import codec
from tests.kernels.oracle import all_pairs, decoded, rounded, same

OUT = {"bfloat16": np.uint16, "float16": np.uint16, "float32": np.uint32}


def python(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


@pytest.mark.parametrize("dtype", OUT)
def test_lines_of_a_gpu_thread_hold_every_pair(dtype: str) -> None:
    mantissa, scale = all_pairs(256)
    wide = dtype == "float32"
    words = mantissa.numpy().view(np.uint32 if wide else np.uint64)
    out = np.zeros((256, 256), OUT[dtype])
    write = codec.line_writer(njit, njit(codec.ENCODERS[dtype]), wide, njit(codec.store_line))
    unit = njit(codec.unit)

    @njit
    def run(words: Any, scale: Any, out: Any) -> None:
        for row in range(256):
            for i in range(words.shape[1]):
                write(out[row], np.uint64(i), words[row, i], unit(scale[row]))

    run(words, scale.numpy()[:, 0], out.view(np.uint32))
    result = torch.from_numpy(out).view(getattr(torch, dtype))
    assert same(result, rounded(decoded(mantissa, scale, 256), getattr(torch, dtype)))


@pytest.mark.parametrize("jit", [python, njit], ids=["python", "njit"])
def test_unit_is_a_power_of_two_or_nan(jit: Callable[..., Any]) -> None:
    unit = jit(codec.unit)
    assert [unit(s) for s in range(255)] == [2.0 ** (s - 133) for s in range(255)]
    assert np.isnan(unit(255))


@pytest.mark.parametrize("jit", [python, njit], ids=["python", "njit"])
def test_normalizer_is_a_power_of_two(jit: Callable[..., Any]) -> None:
    normalizer = jit(codec.normalizer)
    assert [normalizer(s) for s in range(255)] == [2.0 ** (127 - s) for s in range(255)]


@pytest.mark.parametrize(
    ("x", "code"),
    [
        (0.5 / 64, 0),  # ties go to the even neighbour
        (1.5 / 64, 2),
        (2.5 / 64, 2),
        (-1.5 / 64, -2),
        (126.5 / 64, 126),
        (127.49 / 64, 127),
        (127.5 / 64, 127),  # 128 saturates
        (-1.9999999, -127),
        (-0.0, 0),
        (2.0**-149, 0),
    ],
)
def test_encode_rounds_to_even_and_saturates(x: float, code: int) -> None:
    assert codec.encode(np.float32(x), np.float32(1)) == code
    assert njit(codec.encode)(np.float32(x), np.float32(1)) == code


def test_a_word_gives_its_mantissas_back() -> None:
    mantissa = np.array([-128, -1, 0, 1, 127, 64, -64, 5], np.int8)
    word = mantissa.view(np.uint64)[0]
    unpack = njit(codec.mantissa_of)
    assert [unpack(word, i) for i in range(8)] == mantissa.tolist()
    assert [codec.mantissa_of(word, i) for i in range(8)] == mantissa.tolist()
