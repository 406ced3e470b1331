"""Every format against the reference vectors: values bit for bit, codes and scales as numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.formats import parse
from engine.formats.base import Packed
from engine.formats.bits import unpack_bits
from engine.formats.families.block import BlockFloat
from engine.formats.families.minifloat import Minifloat
from tests.formats.oracle import same_bits, same_values

MINIFLOATS = {
    "e5m2": "minifloat_ieee(5,2)",
    "e5m2_finite": "minifloat(5,2)",
    "e4m3_ieee": "minifloat_ieee(4,3)",
    "e4m3_finite": "minifloat(4,3)",
    "e3m4_ieee": "minifloat_ieee(3,4)",
    "e3m2": "minifloat(3,2)",
    "e3m2_ieee": "minifloat_ieee(3,2)",
    "e2m3": "minifloat(2,3)",
    "e2m3_ieee": "minifloat_ieee(2,3)",
    "e2m1": "minifloat(2,1)",
    "e2m1_ieee": "minifloat_ieee(2,1)",
    **{f"e{e}m{m}_denorm": f"minifloat_denorm({e},{m})" for e, m in ((5, 2), (4, 3), (3, 2), (2, 3), (2, 1))},
}
MX = {
    "e5m2": "mxfp8_e5m2",
    "e4m3fn": "mxfp8_e4m3",
    "e3m2": "mxfp6_e3m2",
    "e2m3": "mxfp6_e2m3",
    "e2m1": "mxfp4",
}


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def check(spec: str, x: np.ndarray, expected: np.ndarray) -> None:
    """Fused and composed values equal the vector's."""
    number_format = parse(spec)
    assert same_bits(number_format.quantize(tensor(x)), tensor(expected)), spec
    assert same_bits(number_format._composed(tensor(x)), tensor(expected)), spec


@pytest.mark.parametrize(("name", "spec"), MINIFLOATS.items())
def test_minifloat(vectors: Path, name: str, spec: str) -> None:
    data = np.load(vectors / "minifloat.npz")
    x, value, code = data[f"{name}/x"], data[f"{name}/sat/value"], data[f"{name}/sat/code"]
    check(spec, x, value)
    number_format = parse(spec)
    assert isinstance(number_format, Minifloat)
    kept = ~data[f"{name}/has_nan"]
    packed = number_format.pack(tensor(x[kept]))
    bits = number_format.grid.bits
    assert unpack_bits(packed.tensors["codes"], bits, int(kept.sum())).tolist() == code[kept].tolist()
    assert same_bits(number_format.unpack(packed), tensor(value[kept]))
    decode = data[f"{name}/decode"]
    finite = np.isfinite(decode)
    assert same_bits(number_format.grid.decode(torch.arange(len(decode)))[tensor(finite)], tensor(decode[finite]))


def test_e4m3_of_ocp_is_the_element_of_mxfp8(vectors: Path) -> None:
    data = np.load(vectors / "minifloat.npz")
    number_format = parse("mxfp8_e4m3")
    assert isinstance(number_format, BlockFloat)
    kept = ~data["e4m3fn/has_nan"]
    x = tensor(data["e4m3fn/x"][kept])
    assert same_bits(number_format.grid.round(x.abs()).copysign(x), tensor(data["e4m3fn/sat/value"][kept]))


@pytest.mark.parametrize(("width", "bias"), [(4, 3), (4, 7), (5, 7), (6, 15), (8, 63)])
def test_log(vectors: Path, width: int, bias: int) -> None:
    data = np.load(vectors / "log2.npz")
    x, expected = data[f"w{width}b{bias}/x"], data[f"w{width}b{bias}/log/zero_code"]
    check(f"log({width},{bias})", x, expected)
    number_format = parse(f"log({width},{bias})")
    assert same_bits(number_format.unpack(number_format.pack(tensor(x))), tensor(expected))


@pytest.mark.parametrize(
    ("block", "mantissa"), [*((16, m) for m in (2, 3, 4, 5, 7, 8, 10)), *((32, m) for m in (3, 4, 5, 7))]
)
def test_bfp(vectors: Path, block: int, mantissa: int) -> None:
    data = np.load(vectors / "bfp.npz")
    x, expected = data[f"b{block}/x"], data[f"b{block}/m{mantissa}/value"]
    check(f"bfp({mantissa},{block})", x, expected)
    number_format = parse(f"bfp({mantissa},{block})")
    packed = number_format.pack(tensor(x))
    assert packed.tensors["scales"].tolist() == data[f"b{block}/scale"].tolist()
    assert same_bits(number_format.unpack(packed), tensor(expected))
    codes = unpack_bits(packed.tensors["codes"], mantissa + 1, x.size)
    signed = torch.where(codes >> mantissa == 1, -(codes & (2**mantissa - 1)), codes)
    assert signed.tolist() == data[f"b{block}/m{mantissa}/code"].reshape(-1).tolist()


def test_mxint8(vectors: Path) -> None:
    data = np.load(vectors / "mxint8.npz")
    check("mxint8", data["x"], data["value_sym"])
    number_format = parse("mxint8")
    packed = number_format.pack(tensor(data["x"]))
    assert packed.tensors["scales"].tolist() == data["scale"].tolist()
    assert packed.tensors["codes"].view(torch.int8).tolist() == data["code_sym"].reshape(-1).tolist()
    assert same_values(number_format.unpack(packed), tensor(data["value_sym"]))


def test_mxint8_decodes_every_pair_of_scale_and_code(vectors: Path) -> None:
    data = np.load(vectors / "mxint8.npz")
    codes = tensor(data["dequant_code"]).view(torch.uint8)
    tensors = {"codes": codes.repeat(256), "scales": torch.arange(256, dtype=torch.uint8)}
    values = parse("mxint8(256)").unpack(Packed("mxint8(256)", (256, 256), tensors))
    assert same_values(values, tensor(data["dequant_table"]))


@pytest.mark.parametrize(("name", "spec"), MX.items())
def test_mxfp(vectors: Path, name: str, spec: str) -> None:
    data = np.load(vectors / "mxfp.npz")
    check(spec, data["x"], data[f"{name}/value"])
    number_format = parse(spec)
    assert isinstance(number_format, BlockFloat)
    packed = number_format.pack(tensor(data["x"]))
    assert packed.tensors["scales"].tolist() == data[f"{name}/scale"].tolist()
    codes = unpack_bits(packed.tensors["codes"], number_format.grid.bits, data["x"].size)
    assert codes.tolist() == data[f"{name}/code"].reshape(-1).tolist()
    assert same_bits(number_format.unpack(packed), tensor(data[f"{name}/value"]))


def test_binary(vectors: Path) -> None:
    data = np.load(vectors / "binary.npz")
    check("binary", data["x"], data["sign"])
    check("binary_scaled", data["x"], data["value_row"])
    check("binary_residual(1)", data["x"], data["value_row"])
