"""Codes of any width as a bit stream."""

import pytest
import torch

from engine.formats import bits
from engine.formats.bits import pack_bits, unpack_bits


@pytest.mark.parametrize("width", range(1, 33))
@pytest.mark.parametrize("count", [0, 1, 7, 8, 1001])
def test_codes_come_back(width: int, count: int) -> None:
    codes = torch.randint(0, 2**width, (count,), generator=torch.Generator().manual_seed(count))
    stream = pack_bits(codes, width)
    assert stream.dtype == torch.uint8
    assert stream.numel() == -(-count * width // 8)
    assert torch.equal(unpack_bits(stream, width, count), codes)


def test_lowest_bit_comes_first() -> None:
    assert pack_bits(torch.tensor([0b101, 0b110, 0b011]), 3).tolist() == [0b11110101, 0b0]


@pytest.mark.parametrize("width", range(1, 33))
def test_the_stream_is_one_whole_number(width: int) -> None:
    """Code i is what stands `width`·i bits above the lowest."""
    codes = torch.randint(0, 2**width, (37,), generator=torch.Generator().manual_seed(width)).tolist()
    whole = sum(code << width * place for place, code in enumerate(codes))
    assert bytes(pack_bits(torch.tensor(codes), width).tolist()) == whole.to_bytes(-(-37 * width // 8), "little")


def test_streams_longer_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = torch.randint(0, 32, (1000,))
    whole = pack_bits(codes, 5)
    monkeypatch.setattr(bits, "_CHUNK", 8)
    assert torch.equal(pack_bits(codes, 5), whole)
    assert torch.equal(unpack_bits(whole, 5, 1000), codes)
