"""Runs every CUDA kernel in Numba's simulator. It must be chosen before Numba is imported: `test_simulator.py` starts
this file in a process of its own, with NUMBA_ENABLE_CUDASIM=1.
"""

from pathlib import Path
from sys import argv
from typing import Any

import numpy as np
import torch
from numba import cuda as simulator

from cuda_kernels import cuda, quantize
from tests.kernels.oracle import DTYPES, all_pairs, decoded, ordinary, rounded, same

BITS = {"bfloat16": np.uint16, "float16": np.uint16, "float32": np.uint32}


def launch(make: Any, group: int, dtype: str, blocks: int, *arguments: Any) -> None:
    kernel, _ = make(group, dtype)
    simulator.jit(kernel)[blocks, cuda.THREADS](*arguments)


def every_pair_in_lines() -> None:
    for dtype in DTYPES:
        name = str(dtype).removeprefix("torch.")
        wide = name == "float32"
        group = 64 if wide else 32
        mantissa, scale = all_pairs(group)
        words = mantissa.numpy().reshape(-1).view(np.uint32 if wide else np.uint64)
        out = np.zeros(65_536, BITS[name])
        blocks = -(-len(words) // (2 * cuda.THREADS))
        launch(
            cuda.lines_kernel, group, name, blocks, words, scale.numpy().reshape(-1), out.view(np.uint32), len(words)
        )
        result = torch.from_numpy(out).view(dtype)
        assert same(result, rounded(decoded(mantissa, scale, group), dtype).reshape(-1)), f"lines, {name}"


def lines_stop_where_told() -> None:
    mantissa, scale = ordinary(1, 800, 8)
    out = np.full(816, 7, np.uint16)
    launch(
        cuda.lines_kernel,
        8,
        "bfloat16",
        1,
        mantissa.numpy()[0].view(np.uint64),
        scale.numpy()[0],
        out.view(np.uint32),
        99,
    )
    expected = rounded(decoded(mantissa, scale, 8), torch.bfloat16)[0, :792]
    assert same(torch.from_numpy(out[:792]).view(torch.bfloat16), expected)
    assert (out[792:] == 7).all()


def any_shape() -> None:
    for rows, length, group in ((1, 77, 32), (5, 45, 12), (3, 70, 64), (2, 16, 8)):
        for dtype in DTYPES:
            name = str(dtype).removeprefix("torch.")
            mantissa, scale = ordinary(rows, length, group)
            out = np.full(rows * length + 3, 7, BITS[name])
            blocks = -(-cuda.places(rows, length, group) // cuda.THREADS)
            flat = mantissa.numpy().reshape(-1), scale.numpy().reshape(-1)
            launch(cuda.any_kernel, group, name, blocks, *flat, out, rows, length)
            result = torch.from_numpy(out[:-3]).view(dtype).reshape(rows, length)
            assert same(result, rounded(decoded(mantissa, scale, group), dtype)), (
                f"any, {name}, {rows} {length} {group}"
            )
            assert (out[-3:] == 7).all()


def encode(x: torch.Tensor, group: int) -> tuple[np.ndarray, np.ndarray]:
    rows, length = x.shape
    mantissa = np.full((rows, length), 99, np.int8)
    scale = np.full((rows, -(-length // group)), 99, np.uint8)
    blocks = cuda.encode_blocks(scale.size, group)
    flat = x.numpy().reshape(-1), mantissa.reshape(-1), scale.reshape(-1)
    launch(cuda.encode_kernel, group, "float32", blocks, *flat, rows, length)
    return mantissa, scale


def quantized(vectors: Path) -> None:
    expected = np.load(vectors / "mxint8.npz")
    mantissa, scale = encode(torch.from_numpy(expected["x"]), 32)
    assert np.array_equal(mantissa, expected["code_sym"])
    assert np.array_equal(scale[:, 0], expected["scale"])
    for rows, length, group in ((3, 45, 12), (2, 600, 512), (70, 8, 8), (7, 33, 100)):
        x = torch.randn(rows, length, generator=torch.Generator().manual_seed(0))
        for found, wanted in zip(encode(x, group), quantize(x, group), strict=True):
            assert np.array_equal(found, wanted.numpy())


def one_row() -> None:
    for outputs, inputs, group in ((5, 64, 32), (2, 4096, 8)):
        generator = torch.Generator().manual_seed(0)
        mantissa, scale = quantize(torch.randn(outputs, inputs, generator=generator), group)
        x = torch.randn(inputs, generator=generator)
        out = np.zeros(outputs, np.float32)
        words = mantissa.numpy().reshape(-1).view(np.uint64)
        blocks = -(-outputs // cuda.ROWS)
        launch(
            cuda.row_kernel, group, "float32", blocks, x.numpy(), words, scale.numpy().reshape(-1), out, outputs, inputs
        )
        weight = decoded(mantissa, scale, group)
        bound = 2.0**-20 * (weight.abs() @ x.double().abs())
        assert ((torch.from_numpy(out) - weight @ x.double()).abs() <= bound).all()


if __name__ == "__main__":
    every_pair_in_lines()
    lines_stop_where_told()
    any_shape()
    quantized(Path(argv[1]))
    one_row()
    print("every kernel agrees")
