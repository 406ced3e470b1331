"""Units that can be cut, whatever lies between two layers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.compress.prune_units import find_blocks
from engine.models.python_file import CARRIED

WIDTH = 6
ORDER = [3, 0, 5, 1, 4, 2]
Mix = Callable[[Tensor], Tensor]
Units = list[tuple[list[int], list[int]]]


class Net(nn.Module):
    """One block that adds `down(mix(up(x)))`; `columns` enter `down`."""

    def __init__(self, rows: int, columns: int, mix: Mix) -> None:
        super().__init__()
        block = nn.ModuleDict({"up": nn.Linear(4, rows), "down": nn.Linear(columns, 4)})
        self.blocks, self.mix = nn.ModuleList([block]), mix
        setattr(self, CARRIED, {"x": torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))})

    def forward(self, x: Tensor) -> Tensor:
        (block,) = self.blocks
        added: Tensor = x + block["down"](self.mix(block["up"](x)))  # type: ignore[index]
        return added


def gated(x: Tensor) -> Tensor:
    return x[..., :WIDTH] * nn.functional.gelu(x[..., WIDTH:])


def sums_and_differences(x: Tensor) -> Tensor:
    one, other = x.chunk(2, -1)
    return torch.cat([one + other, one - other], -1)


def by_threes(x: Tensor) -> Tensor:
    return x.unflatten(-1, (2, 3)).softmax(-1).flatten(-2)


def twice(x: Tensor) -> Tensor:
    return torch.cat([x, x.tanh()], -1)


HALF = WIDTH // 2
CASES: dict[str, tuple[int, int, Mix, Units]] = {
    "each alone": (WIDTH, WIDTH, nn.functional.gelu, [([i], [i]) for i in range(WIDTH)]),
    "in another order": (WIDTH, WIDTH, lambda x: x[..., ORDER], [([i], [row]) for i, row in enumerate(ORDER)]),
    "gated": (2 * WIDTH, WIDTH, gated, [([i], [i, i + WIDTH]) for i in range(WIDTH)]),
    "each twice": (WIDTH, 2 * WIDTH, twice, [([i, i + WIDTH], [i]) for i in range(WIDTH)]),
    "pairs": (WIDTH, WIDTH, sums_and_differences, [([i, i + HALF], [i, i + HALF]) for i in range(HALF)]),
    "heads": (WIDTH, WIDTH, by_threes, [([0, 1, 2], [0, 1, 2]), ([3, 4, 5], [3, 4, 5])]),
    "one column": (1, 1, nn.functional.gelu, []),
    "a row that nothing reads": (WIDTH + 1, WIDTH, lambda x: x[..., :WIDTH], []),
    "all in all": (WIDTH, WIDTH, lambda x: x.softmax(-1), []),
    "units of two sizes": (WIDTH, WIDTH + 1, lambda x: torch.cat([x, x[..., :1]], -1), []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_unit_is_what_hangs_together(case: str) -> None:
    rows, columns, mix, expected = CASES[case]
    found = find_blocks(Net(rows, columns, mix))
    units = [
        (taken, own)
        for block in found
        for taken, own in zip(block.taken.tolist(), block.rows["blocks.0.up"].tolist(), strict=True)
    ]
    assert units == expected
    assert [block.columns for block in found] == ["blocks.0.down"] * bool(expected)
