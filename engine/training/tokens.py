"""Labelled token sequences end to end in one tensor, and batches of them with little padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.training.samples import FEW, Batch

# Beyond this the activations of a layer leave the cache and large blocks are mapped anew for each: a third slower.
CPU_TOKENS = 8192
# Shuffled batches are sorted by length within pools of this many batches: nearly no padding, still a random order.
POOL = 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """The sequences of one split. Sequence i is `ids[offsets[i] : offsets[i + 1]]` with class `labels[i]`.

    `ids` is int32 [total], `offsets` int64 [n + 1], `labels` int64 [n]; all on one device, or memory-mapped files.
    `types`, int8 [total], says which of a pair of texts a token belongs to; None where all are of the first. Batches
    are filled up with `pad_id`.
    """

    ids: Tensor
    offsets: Tensor
    labels: Tensor
    types: Tensor | None = None
    pad_id: int = 0

    def __len__(self) -> int:
        return self.labels.numel()

    @property
    def at_once(self) -> None:
        """A batch is trained on whole."""
        return None

    @property
    def lengths(self) -> Tensor:
        """Tokens per sequence, int64 [n]."""
        return self.offsets.diff()

    def to(self, device: str | torch.device) -> "Tokens":
        """The same on a device; itself where it is there already."""
        types = None if self.types is None else self.types.to(device)
        return replace(
            self,
            ids=self.ids.to(device),
            offsets=self.offsets.to(device),
            labels=self.labels.to(device),
            types=types,
        )

    def select(self, indices: Sequence[int] | Tensor) -> "Tokens":
        """Some of the sequences, in the order given."""
        chosen = torch.as_tensor(indices, dtype=torch.int64, device=self.offsets.device)
        lengths = self.lengths[chosen]
        offsets = torch.cat((lengths.new_zeros(1), lengths.cumsum(0)))
        # Each token's place in the source: its place here, moved by how far its sequence moved.
        moved = torch.repeat_interleave(self.offsets[chosen] - offsets[:-1], lengths)
        places = torch.arange(moved.numel(), device=moved.device) + moved
        types = None if self.types is None else self.types[places]
        return replace(self, ids=self.ids[places], offsets=offsets, labels=self.labels[chosen], types=types)

    def few(self) -> "Tokens":
        """The first ones."""
        return self.select(range(min(FEW, len(self))))

    def batches(self, size: int, *, shuffle_seed: int | None = None, within_cache: bool = False) -> Iterator[Batch]:
        """Every sequence once, padded to the longest of its batch; the last batch of a pool may be smaller.

        Without a seed the longest come first, always in the same order (memory runs out at once or never); with one
        the order is random, those of similar length together, the same for a seed. `within_cache` holds a batch to
        what a core computes fast, its padding counted. Inputs are int64 [b, l]: `input_ids`; `attention_mask`
        where something is padded, as models skip masking altogether without it; `token_type_ids` of pairs.
        """
        lengths = self.lengths.cpu()
        if shuffle_seed is None:
            plan = _by_length(lengths, size, CPU_TOKENS if within_cache else None)
        else:
            plan = _shuffled(lengths, size, shuffle_seed)
        device = self.ids.device
        # Widths are read on the host before the loop: a batch then needs no transfer and no synchronisation.
        widths = [(int(lengths[part].max()), int(lengths[part].min())) for part in plan]
        steps = torch.arange(max((width for width, _ in widths), default=0), device=device)
        for part, (width, shortest) in zip(plan, widths, strict=True):
            indices = part.to(device, non_blocking=True)
            starts = self.offsets[indices].unsqueeze(1)
            places = starts + steps[:width]
            inputs: dict[str, Tensor] = {}
            if width == shortest:
                inputs["input_ids"] = self.ids[places].long()
                if self.types is not None:
                    inputs["token_type_ids"] = self.types[places].long()
            else:
                ends = self.offsets[indices + 1].unsqueeze(1)
                inside = places < ends
                places = torch.minimum(places, ends - 1)
                inputs["input_ids"] = torch.where(inside, self.ids[places].long(), self.pad_id)
                inputs["attention_mask"] = inside.long()
                if self.types is not None:
                    inputs["token_type_ids"] = torch.where(inside, self.types[places].long(), 0)
            yield Batch(inputs, self.labels[indices], indices)


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
