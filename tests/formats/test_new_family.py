"""A format of one's own is one `Family`: everything that handles formats finds it there."""

import math
from collections.abc import Iterator

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from engine.experiments.mixed.families import Lists, variants
from engine.formats import Format, parse, registry
from engine.formats.anatomy import code_at, dissect
from engine.formats.base import Packed, Part
from engine.formats.bits import pack_bits, unpack_bits
from engine.formats.neighbours import other, wider
from engine.formats.spec import Argument, Family, Menu, Spec, SpecError
from tui_app.command.main import cli


class Halves(Format):
    """Multiples of a half from 0 to (2^w - 1)/2."""

    def __init__(self, width: int) -> None:
        self.width, self.spec = width, Spec("halves", (width,))

    @property
    def bits_per_element(self) -> float:
        return self.width

    def _composed(self, x: Tensor) -> Tensor:
        return (x * 2).round().clamp(0, 2**self.width - 1) / 2

    def _outside(self, x: Tensor) -> Tensor:
        return (x < 0) | (x * 2 > 2**self.width - 1)

    def pack(self, x: Tensor) -> Packed:
        return Packed(str(self), tuple(x.shape), {"codes": pack_bits((self.quantize(x) * 2).long(), self.width)})

    def unpack(self, packed: Packed) -> Tensor:
        codes = unpack_bits(packed.tensors["codes"], self.width, math.prod(packed.shape))
        return codes.float().reshape(packed.shape) / 2

    def parts(self, packed: Packed, place: int) -> Iterator[Part]:
        code = code_at(packed, self.width, place)
        yield Part("code", f"{code:0{self.width}b}", f"{code}/2")


HALVES = Family("halves", "halves", "halves(4)", Halves, (Argument("width", 1, 8, widens=True),), menu=Menu(("width",)))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.FAMILIES, "halves", HALVES)


def test_its_specs_are_read_and_bounded() -> None:
    assert str(parse(" halves( 3 )")) == "halves(3)"
    with pytest.raises(SpecError, match="must lie between 1 and 8"):
        parse("halves(9)")


def test_it_is_listed_and_stepped() -> None:
    assert "halves(width)" in CliRunner().invoke(cli, ["formats"]).stdout
    assert wider("halves(4)", 1) == "halves(5)"
    assert wider("halves(8)", 1) is None
    assert other("halves(4)", 1) is None


def test_its_bits_are_shown() -> None:
    anatomy = dissect(parse("halves(4)"), torch.tensor([0.1, 2.4]), 1)
    assert anatomy.parts == (Part("code", "0101", "5/2"),)
    assert anatomy.decoded == 2.5


def test_a_search_may_choose_it() -> None:
    lists = Lists(widths=(4, 8, 16), fractions=(2,), blocks=(16,), levels=(2,))
    assert list(variants("halves", lists).values()) == ["halves(4)", "halves(8)"]


def test_it_trains_and_packs() -> None:
    x = torch.tensor([[-1.0, 0.3, 9.0, 1.26]], requires_grad=True)
    chosen = parse("halves(4)")
    q = chosen.fake_quantize(x)
    assert q.tolist() == [[0.0, 0.5, 7.5, 1.5]]
    q.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    packed = chosen.pack(x)
    assert packed.nbytes == chosen.stored_bytes(x.shape) == 2
    assert torch.equal(chosen.unpack(packed), q)
