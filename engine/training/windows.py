"""Windows of a long text: token sequences of one length that do not overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training.samples import Batch

CPU_TOKENS = 512
"""Tokens that a batch is held to on a CPU: the logits of each are as many numbers as the vocabulary has entries."""
TRAINED_TOKENS = 4096
"""Tokens whose gradients are computed at once; a larger batch is summed up from parts."""

FEW_TOKENS = 64
"""Tokens that show how a model computes."""


@dataclass(frozen=True, slots=True)
class Windows:
    """`ids` is int32 [windows, tokens], on one device or memory-mapped. The labels of a window are its own tokens."""

    ids: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tokens(self) -> int:
        """The tokens of a window."""
        return int(self.ids.shape[1])

    @property
    def at_once(self) -> int:
        """Windows that training computes at once."""
        return max(1, TRAINED_TOKENS // self.tokens)

    def to(self, device: str | torch.device) -> "Windows":
        """The same on a device; itself where it is there already."""
        return Windows(self.ids.to(device))

    def select(self, indices: Sequence[int] | Tensor) -> "Windows":
        """Some of the windows, in the order given."""
        return Windows(self.ids[torch.as_tensor(indices, dtype=torch.int64, device=self.ids.device)])

    def few(self) -> "Windows":
        """The beginning of the first."""
        return Windows(self.ids[:1, :FEW_TOKENS])

    def batches(self, size: int, *, shuffle_seed: int | None = None, within_cache: bool = False) -> Iterator[Batch]:
        """Every window once, in their order or, with a seed, in a random one; inputs are `input_ids`, int64 [b, l]."""
        if within_cache:
            size = max(1, min(size, CPU_TOKENS // self.tokens))
        order = torch.arange(len(self))
        if shuffle_seed is not None:
            order = torch.randperm(len(self), generator=torch.Generator().manual_seed(shuffle_seed))
        for start in range(0, len(order), size):
            indices = order[start : start + size].to(self.ids.device, non_blocking=True)
            ids = self.ids[indices].long()
            yield Batch({"input_ids": ids}, ids, indices)
