"""The beginning that the forwards of models have in common: computed by one, kept, and read by the others.

A run's points are copies of one model that differ from it in some layers. What comes before the first of them is kept
for each batch in the memory that the tasks of a host share (`runtime/scratch.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from engine.runtime.scratch import Reader, Scratch, Writer
from engine.training.forward import all_finite, logits_of
from engine.training.starts import Start, Starts, starts_of, tensors_in

Call = Callable[[int, Mapping[str, Tensor]], Tensor]
"""Gives the logits for a batch, by its number and its inputs."""


class Prefix:
    """What a model has in common with the others of a run."""

    def __init__(self, model: nn.Module, starts: Starts, scratch: Scratch) -> None:
        """`starts` are the model's."""
        self._model, self._starts, self._scratch = model, starts, scratch

    @classmethod
    def of(cls, model: nn.Module, other: nn.Module, inputs: Mapping[str, Tensor], scratch: Scratch) -> "Prefix | None":
        """What it has in common with another model, by a few inputs. None for nothing that is worth keeping, and where
        the model fails on inputs as few as these: its whole forward on the samples may not.
        """
        with suppress(Exception):
            if (starts := starts_of(model, other, inputs)) is not None:
                return cls(model, starts, scratch)
        return None

    @contextmanager
    def over(self, samples: str) -> Iterator[Call]:
        """How the model is called in a pass over samples that go by this name, in the same batches in every pass.

        The logits are those of `logits_of` to the bit: the first batch is computed both ways, as is the first with a
        mask or other inputs. Where they differ, or a logit is not finite, whole forwards run from there on.
        """
        model, best, given = self._model, self._starts.best, None
        compared: set[frozenset[str]] = set()
        with ExitStack() as stack:
            there = {key.partition(" ")[2]: key for key in self._scratch.readable() if key.startswith(f"{samples} ")}
            for start in self._starts.at(there):
                if (reader := stack.enter_context(self._scratch.reading(there[start.module]))) is not None:
                    given = _Given(model, start, reader)
                    break
            writer = stack.enter_context(self._scratch.writing(f"{samples} {best.module}"))
            kept = _Kept(writer)
            if writer is not None:
                stack.callback(model.get_submodule(best.module).register_forward_hook(kept.take).remove)

            def call(number: int, inputs: Mapping[str, Tensor]) -> Tensor:
                nonlocal given
                kept.number = number
                begun = None
                if given is not None:
                    with suppress(Exception), torch.random.fork_rng(devices=[]):  # the whole forward says what is wrong
                        begun = given.logits(number, inputs)
                        begun = begun if bool(all_finite(begun)) else None
                if begun is not None and frozenset(inputs) in compared:
                    return begun
                logits = logits_of(model, inputs)
                if begun is None or not torch.equal(begun, logits):
                    given = None
                compared.add(frozenset(inputs))
                return logits

            yield call
            kept.done()


class _Given:
    """What another task has kept, for each batch, of the place where forwards of this model begin."""

    def __init__(self, model: nn.Module, start: Start, reader: Reader) -> None:
        self._model, self._start, self._reader = model, start, reader

    def logits(self, number: int, inputs: Mapping[str, Tensor]) -> Tensor:
        """Those for the batch with this number."""
        return self._start.logits(self._model, lambda: self._tensors(number), inputs)

    def _tensors(self, number: int) -> Iterable[Tensor]:
        for place, shape, strides, kind in self._reader.facts[number]:
            tensor = torch.empty_strided(shape, strides, dtype=getattr(torch, kind))  # kernels may round by strides
            self._reader.read(_bytes_of(tensor), place)
            yield tensor


class _Kept:
    """What a module gives for each batch, as it is put into the shared memory."""

    def __init__(self, writer: Writer | None) -> None:
        self.number = 0
        self._writer, self._facts = writer, dict[int, list[Any]]()

    def take(self, _module: nn.Module, _args: Any, output: Any) -> None:
        """Keeps the output, unless there is no room for it, or it cannot be read as bytes."""
        writer, self._writer = self._writer, None
        facts = []
        with suppress(Exception):
            for tensor in tensors_in(output):
                if writer is None or (place := writer.write(_bytes_of(tensor))) is None:
                    return
                facts.append((place, list(tensor.shape), tensor.stride(), str(tensor.dtype).removeprefix("torch.")))
            self._facts[self.number] = facts
            self._writer = writer

    def done(self) -> None:
        """All batches have been called."""
        if self._writer is not None and list(self._facts) == list(range(self.number + 1)):
            self._writer.done(list(self._facts.values()))


def _bytes_of(tensor: Tensor) -> memoryview:
    """A tensor's memory from its first element to its last, with what lies between."""
    length = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    flat = tensor.detach().as_strided((length if tensor.numel() else 0,), (1,))
    return memoryview(flat.view(torch.uint8).numpy())  # type: ignore[arg-type]
