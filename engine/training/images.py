"""Labelled images of one size as bytes, and batches of them in the numbers that a model takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.training.samples import FEW, Batch

CPU_VALUES = 1 << 20
"""Numbers of a batch's images that a CPU is given at once: activations of a layer are many times as many."""
RESIDENT = 2 << 30
"""Bytes of images that are copied to a GPU as a whole; more go there batch by batch."""


@dataclass(frozen=True, slots=True)
class Images:
    """`pixels` is uint8 [n, channels, height, width], memory-mapped or on the device of the rest; `labels` int64 [n].

    A model is given `pixels * scale + shift`, both float32 [channels].
    """

    pixels: Tensor
    labels: Tensor
    scale: Tensor
    shift: Tensor

    def __len__(self) -> int:
        return self.labels.numel()

    @property
    def at_once(self) -> None:
        """A batch is trained on whole: norms are over all of it."""
        return None

    def to(self, device: str | torch.device) -> "Images":
        """The same on a device; itself where it is there already."""
        pixels = self.pixels if self.pixels.numel() > RESIDENT else self.pixels.to(device)
        return Images(pixels, self.labels.to(device), self.scale.to(device), self.shift.to(device))

    def select(self, indices: Sequence[int] | Tensor) -> "Images":
        """Some of the images, in the order given."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return replace(self, pixels=self.pixels[chosen.to(self.pixels.device)], labels=self.labels[chosen])

    def few(self) -> "Images":
        """The first ones."""
        return self.select(range(min(FEW, len(self))))

    def batches(self, size: int, *, shuffle_seed: int | None = None, within_cache: bool = False) -> Iterator[Batch]:
        """Every image once, in their order or, with a seed, in a random one; `pixel_values` is float32 [b, c, h, w]."""
        if within_cache and len(self):
            size = max(1, min(size, CPU_VALUES // self.pixels[0].numel()))
        order = torch.arange(len(self))
        if shuffle_seed is not None:
            order = torch.randperm(len(self), generator=torch.Generator().manual_seed(shuffle_seed))
        scale, shift = self.scale.view(1, -1, 1, 1), self.shift.view(1, -1, 1, 1)
        for start in range(0, len(order), size):
            indices = order[start : start + size]
            pixels = self.pixels[indices.to(self.pixels.device)].to(self.labels.device, non_blocking=True)
            places = indices.to(self.labels.device, non_blocking=True)
            yield Batch({"pixel_values": pixels * scale + shift}, self.labels[places], places)
