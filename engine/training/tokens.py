"""Token sequences end to end in one tensor, and batches of them with little padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Shuffled batches are sorted by length within pools of this many batches: nearly no padding, still a random order.
POOL = 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """The sequences of one split. Sequence i is `ids[offsets[i] : offsets[i + 1]]` with class `labels[i]`.

    `ids` is int32 [total], `offsets` int64 [n + 1], `labels` int64 [n]; all on one device, or memory-mapped files.
    """

    ids: Tensor
    offsets: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.labels.numel()

    @property
    def lengths(self) -> Tensor:
        """Tokens per sequence, int64 [n]."""
        return self.offsets.diff()

    def to(self, device: str | torch.device) -> "Tokens":
        """The same on a device; itself where it is there already."""
        return Tokens(self.ids.to(device), self.offsets.to(device), self.labels.to(device))

    def select(self, indices: Sequence[int] | Tensor) -> "Tokens":
        """Some of the sequences, in the order given."""
        chosen = torch.as_tensor(indices, dtype=torch.int64, device=self.offsets.device)
        lengths = self.lengths[chosen]
        offsets = torch.cat((lengths.new_zeros(1), lengths.cumsum(0)))
        # Each token's place in the source: its place here, moved by how far its sequence moved.
        moved = torch.repeat_interleave(self.offsets[chosen] - offsets[:-1], lengths)
        return Tokens(self.ids[torch.arange(moved.numel(), device=moved.device) + moved], offsets, self.labels[chosen])


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences padded to the longest: `input_ids` int64 [b, l], `labels` and `indices` (into the tokens) int64 [b].

    `attention_mask` is int64 [b, l], or None where nothing is padded: models then skip masking altogether.
    """

    input_ids: Tensor
    attention_mask: Tensor | None
    labels: Tensor
    indices: Tensor

    @property
    def inputs(self) -> dict[str, Tensor]:
        """What the model is called with."""
        if self.attention_mask is None:
            return {"input_ids": self.input_ids}
        return {"input_ids": self.input_ids, "attention_mask": self.attention_mask}


def batches(
    tokens: Tokens, batch_size: int, *, pad_id: int, shuffle_seed: int | None = None, max_tokens: int | None = None
) -> Iterator[Batch]:
    """Every sequence once, those of similar length together; the last batch of a pool may be smaller.

    Without a seed the longest come first, always in the same order (memory runs out at once or never), and a batch
    may be held to `max_tokens` with its padding; with a seed the order is random, the same for a seed.
    """
    lengths = tokens.lengths.cpu()
    if shuffle_seed is None:
        plan = _by_length(lengths, batch_size, max_tokens)
    else:
        plan = _shuffled(lengths, batch_size, shuffle_seed)
    device = tokens.ids.device
    # Widths are read on the host before the loop: a batch then needs no transfer and no synchronisation.
    widths = [(int(lengths[part].max()), int(lengths[part].min())) for part in plan]
    steps = torch.arange(max((width for width, _ in widths), default=0), device=device)
    for part, (width, shortest) in zip(plan, widths, strict=True):
        indices = part.to(device, non_blocking=True)
        starts = tokens.offsets[indices].unsqueeze(1)
        places = starts + steps[:width]
        if width == shortest:
            yield Batch(tokens.ids[places].long(), None, tokens.labels[indices], indices)
            continue
        ends = tokens.offsets[indices + 1].unsqueeze(1)
        inside = places < ends
        ids = torch.where(inside, tokens.ids[torch.minimum(places, ends - 1)].long(), pad_id)
        yield Batch(ids, inside.long(), tokens.labels[indices], indices)


def count_batches(samples: int, batch_size: int) -> int:
    """How many batches `batches` gives."""
    return -(-samples // batch_size)


def _by_length(lengths: Tensor, batch_size: int, max_tokens: int | None = None) -> list[Tensor]:
    order = lengths.argsort(descending=True, stable=True)
    widths, plan, start = lengths[order].tolist(), list[Tensor](), 0
    while start < len(widths):
        size = batch_size if max_tokens is None else max(1, min(batch_size, max_tokens // max(1, widths[start])))
        plan.append(order[start : start + size])
        start += size
    return plan


def _shuffled(lengths: Tensor, batch_size: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(lengths.numel(), generator=generator)
    pools = torch.split(order, batch_size * POOL)
    plan = [pool[part] for pool in pools for part in _by_length(lengths[pool], batch_size)]
    return [plan[place] for place in torch.randperm(len(plan), generator=generator).tolist()]
