"""Fixed point against the reference vectors, float64 arithmetic, torch's own operator and itself under vmap."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.formats import parse
from engine.formats.families.fixed import Fixed


def exact(code: np.ndarray, fraction: int) -> torch.Tensor:
    """code·2^-fraction, rounded once."""
    return torch.from_numpy(np.ldexp(code.astype(np.float64), -fraction).astype(np.float32))


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.view(torch.int32), b.view(torch.int32))


def test_equals_the_vectors_bit_for_bit(vectors: Path) -> None:
    data = np.load(vectors / "fixed_point.npz")
    for width, fraction, x, code in zip(data["width"], data["frac"], data["x"], data["code"], strict=True):
        number_format = Fixed(int(width), int(fraction))
        tensor, expected = torch.from_numpy(x), exact(code, int(fraction))
        assert same_bits(number_format.quantize(tensor), expected), number_format
        assert same_bits(number_format._composed(tensor), expected), number_format
        packed = number_format.pack(tensor)
        assert packed.nbytes == -(-tensor.numel() * int(width) // 8)
        assert same_bits(number_format.unpack(packed), expected), number_format


@pytest.mark.parametrize("width", [2, 3, 8, 12, 16])
def test_every_code_is_a_value_and_a_fixed_point(width: int) -> None:
    codes = np.arange(-(2 ** (width - 1)), 2 ** (width - 1))
    values = exact(codes, width // 2)
    assert same_bits(Fixed(width, width // 2).quantize(values), values)


@given(
    st.integers(2, 32),
    st.integers(-40, 40),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20),
)
def test_is_the_nearest_code_with_ties_to_even(width: int, fraction: int, values: list[float]) -> None:
    x = np.array(values, dtype=np.float32)
    with np.errstate(over="ignore"):
        code = np.clip(np.rint(np.ldexp(x.astype(np.float64), fraction)), -(2.0 ** (width - 1)), 2 ** (width - 1) - 1)
    assert torch.equal(Fixed(width, fraction).quantize(torch.from_numpy(x)), exact(code, fraction))


def test_special_values() -> None:
    x = torch.tensor([torch.inf, -torch.inf, torch.nan, -0.0, -0.01])
    for q in (Fixed(8, 4).quantize(x), Fixed(8, 4)._composed(x)):
        assert q[:2].tolist() == [7.9375, -8.0]
        assert q[2].isnan()
        assert not torch.signbit(q[3:]).any()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (2, 3, 4, 5)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    for f in (parse("fixed(8,4)"), parse("fixed(8)")):
        assert f.quantize(x).shape == x.shape
        assert torch.equal(f.unpack(f.pack(x)) if not f.open else f.quantize(x), f.quantize(x))


def test_strided_and_other_dtypes() -> None:
    x = torch.randn(64, 48)
    f = parse("fixed(6,3)")
    assert torch.equal(f.quantize(x.t()), f.quantize(x).t())
    assert f.quantize(x.bfloat16()).dtype == torch.float32
    assert torch.equal(f.quantize(x.bfloat16()), f.quantize(x.bfloat16().float()))


def test_many_threads_give_the_same_bits() -> None:
    x = torch.randn(1500, 1024, generator=torch.Generator().manual_seed(0)) * 10
    f = Fixed(8, 4)
    gradient = torch.randn_like(x)
    assert same_bits(f.quantize(x), f._composed(x))
    assert torch.equal(f._gradient(x, gradient), gradient.masked_fill(f.saturated(x), 0))


def test_equals_torchs_operator_in_range() -> None:
    x = torch.randn(10_000) * 4
    assert torch.equal(Fixed(8, 4).quantize(x), torch.fake_quantize_per_tensor_affine(x, 2.0**-4, 0, -128, 127) + 0.0)


def test_gradient_is_one_inside_the_range_and_zero_outside() -> None:
    x = torch.tensor([-9.0, -8.0, -7.9, 0.0, 7.9375, 7.94, torch.inf, -torch.inf], requires_grad=True)
    f = Fixed(8, 4)
    f.fake_quantize(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert f.saturated(x).tolist() == [True, False, False, False, False, True, True, True]
    x.grad = None
    f.fake_quantize(x, clip=False).sum().backward()
    assert x.grad is not None
    assert x.grad.eq(1).all()


def test_half_precision_input_keeps_its_gradients_type() -> None:
    x = torch.randn(10, dtype=torch.bfloat16, requires_grad=True)
    Fixed(8, 4).fake_quantize(x).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


CONFIGURATIONS = [(4, 2), (8, 4), (8, 6), (12, -2), (28, 20)]


def scalars_of(width: int, fraction: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(float(value)) for value in Fixed(width, fraction).scalars().values())


@pytest.mark.parametrize("batched_input", [False, True])
def test_vmap_over_configurations_equals_one_at_a_time(batched_input: bool) -> None:
    single = [Fixed(*configuration) for configuration in CONFIGURATIONS]
    scale, low, high = (torch.stack(s) for s in zip(*(scalars_of(*c) for c in CONFIGURATIONS), strict=True))
    x = torch.randn(len(single), 100) * 20
    inputs = x if batched_input else x[0]

    def loss(x: torch.Tensor, *scalars: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        q = Fixed(8, 0).with_scalars(*scalars).fake_quantize(x)
        return (q * torch.arange(100)).sum(), q

    gradient = torch.func.grad(loss, has_aux=True)
    gradients, values = torch.func.vmap(gradient, in_dims=(0 if batched_input else None, 0, 0, 0))(
        inputs, scale, low, high
    )
    for i, f in enumerate(single):
        one = (x[i] if batched_input else x[0]).clone().requires_grad_()
        q = f.fake_quantize(one)
        (q * torch.arange(100)).sum().backward()
        assert same_bits(values[i], q)
        assert one.grad is not None
        assert torch.equal(gradients[i], one.grad)


def test_tensor_parameters_without_vmap_give_the_same() -> None:
    x = torch.randn(1000)
    f = Fixed(8, 0).with_scalars(*scalars_of(6, 3))
    assert same_bits(f.fake_quantize(x), Fixed(6, 3).quantize(x))


@pytest.mark.parametrize("width", [2, 3, 4, 6, 8, 16, 32])
@pytest.mark.parametrize("kind", ["normal", "outliers", "sparse", "uniform", "one-sided", "tiny", "huge"])
def test_fit_takes_the_fraction_with_the_least_squared_error(width: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(width)
    x = torch.randn(5000, generator=generator)
    x = {
        "normal": x,
        "outliers": torch.where(torch.arange(5000) % 500 == 0, x * 100, x),
        "sparse": torch.where(torch.arange(5000) % 50 == 0, x, 0),
        "uniform": torch.rand(5000, generator=generator) * 3 - 1.5,
        "one-sided": x.abs() * 7,
        "tiny": x * 1e-30,
        "huge": x * 1e25,
    }[kind]
    errors = {f: float((Fixed(width, f).quantize(x).double() - x.double()).square().sum()) for f in range(-96, 127)}
    fitted = parse(f"fixed({width})").fit(x)
    assert isinstance(fitted, Fixed)
    assert fitted.fraction is not None
    assert errors[fitted.fraction] == min(errors.values())


def test_fit_ignores_what_is_not_finite_and_takes_zeros() -> None:
    x = torch.randn(100)
    spoilt = torch.cat((x, torch.tensor([torch.inf, torch.nan])))
    assert str(parse("fixed(8)").fit(spoilt)) == str(parse("fixed(8)").fit(x))
    assert str(parse("fixed(8)").fit(torch.zeros(5))) == "fixed(8,7)"
    assert str(parse("fixed(8,3)").fit(x)) == "fixed(8,3)"


def test_fitting_in_parts_equals_fitting_the_whole() -> None:
    x = torch.randn(4, 3000, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [3.0], [0.5], [4.0]])
    fitter = parse("fixed(5)").fitter()
    for part in x:
        fitter.observe(part)
    assert str(fitter.result()) == str(parse("fixed(5)").fit(x))


def test_nan_cannot_be_packed() -> None:
    with pytest.raises(InputError, match=r"NaN.*fixed\(8,4\)"):
        parse("fixed(8,4)").pack(torch.tensor([torch.nan]))
