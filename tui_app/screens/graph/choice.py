"""What the Graph page captures: a model, its inputs, mode, attention and sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError

INPUTS = ("input_ids", "attention_mask", "labels")
OTHERS = ("attention", "mode", "batch", "sequence")
CHOICES = {"mode": ("train", "eval"), "attention": ("auto", "sdpa", "eager")}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to capture, and the sizes that costs are worked out for."""

    model: str = "builtin"
    inputs: tuple[str, ...] = INPUTS
    attention: str = "auto"
    mode: str = "train"
    batch: int = 1
    sequence: int = 128

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Choice":
        """The first set of inputs of a run's settings; what they leave out is as usual."""
        usual = cls()
        return cls(
            model=config.get("model", usual.model),
            inputs=inputs_of(str(config.get("inputs", "")).partition(";")[0]) or usual.inputs,
            **{name: config.get(name, getattr(usual, name)) for name in OTHERS},
        )

    @property
    def name(self) -> str:
        """The call in a few words: `bert-tiny(input_ids, labels)`."""
        return f"{Path(self.model).name}({', '.join(self.inputs)})"

    @property
    def settings(self) -> dict[str, Any]:
        """As settings of the experiment `graph`, the usual ones left out."""
        usual = Choice()
        plain = {"model": self.model, "inputs": ",".join(self.inputs)}
        return plain | {name: getattr(self, name) for name in OTHERS if getattr(self, name) != getattr(usual, name)}

    @property
    def values(self) -> dict[str, Any]:
        """As arguments of the worker's `graph_capture`."""
        return {"model": self.model, "inputs": list(self.inputs)} | {name: getattr(self, name) for name in OTHERS}


def inputs_of(text: str) -> tuple[str, ...]:
    """The names in `input_ids,labels`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def setting_of(text: str) -> dict[str, Any]:
    """`mode=eval` or `sequence=256` as a change of the choice. Raises InputError for anything else."""
    name, _, value = text.partition("=")
    if name in ("batch", "sequence") and value.isdecimal() and int(value) > 0:
        return {name: int(value)}
    if value in CHOICES.get(name, ()):
        return {name: value}
    raise InputError(f"{text} is no setting of a capture; write mode=eval, attention=eager, batch=8 or sequence=256.")
