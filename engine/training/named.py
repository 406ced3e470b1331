"""Samples of one input tensor for a model that calls it otherwise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.training.samples import Batch, Samples


@dataclass(frozen=True, slots=True)
class Named:
    """The same samples, their one input called `name`."""

    samples: Samples
    name: str

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def at_once(self) -> int | None:
        """How many of them training computes at once."""
        return self.samples.at_once

    def to(self, device: str | torch.device) -> "Named":
        """The same on a device."""
        return replace(self, samples=self.samples.to(device))

    def select(self, indices: Sequence[int] | Tensor) -> "Named":
        """Some of them, in the order given."""
        return replace(self, samples=self.samples.select(indices))

    def few(self) -> "Named":
        """Some, as the samples choose them."""
        return replace(self, samples=self.samples.few())

    def batches(self, size: int, *, shuffle_seed: int | None = None, within_cache: bool = False) -> Iterator[Batch]:
        """As the samples give them."""
        for batch in self.samples.batches(size, shuffle_seed=shuffle_seed, within_cache=within_cache):
            (tensor,) = batch.inputs.values()
            yield Batch({self.name: tensor}, batch.labels, batch.indices)
