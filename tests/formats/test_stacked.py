"""Formats of one structure, evaluated as one by vmap over their numbers, give what each gives alone, bit for bit."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from engine.compress import FakeQuantize
from engine.formats import Format, parse
from engine.formats.held import Held
from engine.formats.registry import FAMILIES, parse_spec
from tests.formats.oracle import awkward, same_bits

STACKS = (
    ("fixed(2,0)", "fixed(4,2)", "fixed(8,6)", "fixed(12,-2)", "fixed(28,20)"),
    (
        "minifloat(1,1)",
        "minifloat(4,3)",
        "minifloat(7,22)",
        "minifloat_ieee(5,2)",
        "minifloat_ieee(8,7)",
        "minifloat_denorm(2,1)",
        "minifloat_denorm(8,3)",
    ),
    ("log(2,1)", "log(5,7)", "log(8,0)", "log(8,276)"),
    ("int(2)", "int(3)", "int(8)", "int(16)"),
    ("int(2,5)", "int(8,5)", "int(16,5)"),
    ("uint(2)", "uint(3)", "uint(8)", "uint(16)"),
    ("uint(2,5)", "uint(8,5)", "uint(16,5)"),
    ("int(4,tensor,0.3)", "int(8,tensor,0.0125)", "uint(2,tensor,1.5,1)", "uint(16,tensor,0.001,300)"),
    ("nvfp4(0.1)", "nvfp4(0.0021)"),
    (
        "bfp(1,5)",
        "bfp(7,5)",
        "bfp(23,5)",
        "block_minifloat(1,1,5)",
        "block_minifloat(6,22,5)",
        "mxfp4(5)",
        "mxfp6_e2m3(5)",
        "mxfp6_e3m2(5)",
        "mxfp8_e4m3(5)",
        "mxfp8_e5m2(5)",
    ),
    ("mxint8(5)", "mxint8(5)"),
    ("block_log(2,5)", "block_log(4,5)", "block_log(8,5)"),
)
ALONE = {"fp32", "binary", "binary_scaled", "binary_residual", "ternary", "nf4"}
"""Families without a number in which their formats differ."""


def stacked(specs: Sequence[str]) -> dict[str, Tensor]:
    """Their numbers, each along a first dimension."""
    each = [dict(FakeQuantize(parse(spec)).named_buffers()) for spec in specs]
    return {name: torch.stack([buffers[name] for buffers in each]) for name in each[0]}


def evaluated(specs: Sequence[str], x: Tensor, batched: bool) -> Tensor:
    module = FakeQuantize(parse(specs[0]))

    def one(buffers: Mapping[str, Tensor], x: Tensor) -> Tensor:
        values: Tensor = torch.func.functional_call(module, dict(buffers), (x,))
        return values

    return torch.func.vmap(one, in_dims=(0, 0 if batched else None))(stacked(specs), x)


def gradient_of(values: Tensor, leaf: Tensor, weights: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(values, leaf, weights)
    return gradient


def alone(spec: str, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values by the definition, and the gradient."""
    number_format, leaf = parse(spec), x.clone().requires_grad_()
    return number_format._composed(x), gradient_of(number_format.fake_quantize(leaf), leaf, weights)


def check(specs: Sequence[str], x: Tensor, batched: bool) -> None:
    """As `Variants` does it: vmap forward, and autograd through it. Whole weights add up to the same in any order."""
    parts = x if batched else x.expand(len(specs), *x.shape)
    weights = torch.arange(1, parts.numel() + 1).reshape(parts.shape).float()
    leaf = x.clone().requires_grad_()
    values = evaluated(specs, leaf, batched)
    expected = [alone(*one) for one in zip(specs, parts, weights, strict=True)]
    for spec, value, (own, _) in zip(specs, values, expected, strict=True):
        assert same_bits(value, own), spec
    gradients = torch.stack([gradient for _, gradient in expected])
    assert torch.equal(gradient_of(values, leaf, weights), gradients if batched else gradients.sum(0))


@pytest.mark.parametrize("specs", STACKS, ids=lambda specs: specs[0])
@given(x=hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 12)), elements=st.floats(width=32)))
@settings(max_examples=25, deadline=None)
def test_of_arbitrary_inputs(specs: Sequence[str], x: np.ndarray) -> None:
    check(specs, torch.from_numpy(x), batched=False)


@pytest.mark.parametrize("specs", STACKS, ids=lambda specs: specs[0])
@pytest.mark.parametrize("spread", [3, 20, 100])
def test_of_inputs_of_their_own(specs: Sequence[str], spread: int) -> None:
    """Powers of two and their neighbours, ties and zeros of every size: what depends on a grid's numbers."""
    check(specs, awkward(400 * len(specs), spread, spread).reshape(len(specs), 20, 20), batched=True)


@pytest.mark.parametrize("specs", STACKS, ids=lambda specs: specs[0])
def test_numbers_may_be_tensors_without_vmap(specs: Sequence[str]) -> None:
    x = awkward(400, 1, 8).reshape(20, 20)
    first, numbers = parse(specs[0]), stacked(specs).values()
    for place, spec in enumerate(specs):
        leaf = x.clone().requires_grad_()
        q = first.with_scalars(*(values[place] for values in numbers)).fake_quantize(leaf)
        value, gradient = alone(spec, x, x)
        assert same_bits(q, value)
        assert torch.equal(gradient_of(q, leaf, x), gradient)


def test_only_what_differs_in_numbers_has_one_structure() -> None:
    structures = [{parse(spec).structure for spec in specs} for specs in STACKS]
    assert [len(found) for found in structures] == [1] * len(STACKS)
    assert len(set.union(*structures)) == len(STACKS)
    apart = ["fixed(4)", "fixed(8)", "log(4)", "nvfp4", "int(4,tensor)", "nf4(8)", "nf4(16)", "int(4,16)", "int(4,32)"]
    assert len({parse(spec).structure for spec in apart}) == len(apart)


def test_parameters_that_are_held_stack_with_those_of_the_same_format_alone() -> None:
    def held(spec: str, size: float) -> Format:
        base = parse(spec)
        return Held(base, base.shared(torch.full((4, 1, 8), size)))

    small, large = held("int(4)", 0.3), held("int(4)", 2.0)
    assert small.structure == large.structure
    assert small.structure not in (held("int(8)", 1.0).structure, parse("int(4)").structure)
    x, module = torch.randn(4, 8), FakeQuantize(small)
    scales = torch.stack([FakeQuantize(one).get_buffer("shared_0") for one in (small, large)])
    values = torch.func.vmap(lambda one: torch.func.functional_call(module, {"shared_0": one}, (x,)))(scales)
    assert torch.equal(values, torch.stack([small.quantize(x), large.quantize(x)]))


def test_every_family_is_here() -> None:
    assert {parse_spec(spec).name for specs in STACKS for spec in specs} | ALONE == set(FAMILIES)
    assert not any(parse(FAMILIES[name].example).scalars() for name in ALONE)
