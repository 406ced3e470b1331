"""What models are trained and measured on: samples of one split, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

FEW = 4
"""Samples that are enough to see how a model computes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a model is called with by name, what it is to say, and `indices` (int64 [b]) into the samples.

    `labels` are int64: [b] classes, or [b, l] tokens.
    """

    inputs: dict[str, Tensor]
    labels: Tensor
    indices: Tensor

    def parts(self, size: int | None) -> "Iterator[Batch]":
        """The batch in parts of at most `size` samples; whole where there is no such bound."""
        count = len(self.labels)
        if size is None or count <= size:
            yield self
            return
        for start in range(0, count, size):
            own = slice(start, start + size)
            yield Batch({name: one[own] for name, one in self.inputs.items()}, self.labels[own], self.indices[own])


class Samples(Protocol):
    """The samples of one split, all on one device or memory-mapped: `Tokens` of texts, `Windows`, `Images`."""

    def __len__(self) -> int:
        """How many."""

    @property
    def at_once(self) -> int | None:
        """How many of them training computes at once, where memory bounds it."""

    def to(self, device: str | torch.device) -> Self:
        """The same on a device; itself where it is there already."""

    def select(self, indices: Sequence[int] | Tensor) -> Self:
        """Some of them, in the order given."""

    def few(self) -> Self:
        """Some that show how a model computes, and that are computed quickly: `FEW` at most."""

    def batches(self, size: int, *, shuffle_seed: int | None = None, within_cache: bool = False) -> Iterator[Batch]:
        """Every sample once, at most `size` at a time.

        With a seed in a random order that is the same for a seed, without in one that is always the same, the batch
        that takes most memory first. `within_cache` holds a batch to what a core computes fast.
        """


def count_batches(samples: int, size: int) -> int:
    """How many batches `batches` gives, where none is held to less."""
    return -(-samples // size)


_S = TypeVar("_S", bound=Samples)


def sampled(samples: _S, count: int, seed: int) -> _S:
    """At most `count` samples drawn by seed, in their order."""
    return samples if len(samples) <= count else samples.select(drawn(len(samples), count, seed))


def drawn(total: int, count: int, seed: int) -> Tensor:
    """`count` of the numbers below `total` (or all), drawn by seed, in their order: int64. A smaller draw is part of a
    larger one.
    """
    return shuffled(total, seed)[:count].sort().values


def shuffled(total: int, seed: int) -> Tensor:
    """The numbers below `total` in an order drawn by seed: int64."""
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))
