"""Where a training stands: what it needs to go on as if nothing had happened, in one file of tensors and JSON."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.errors import InputError
from engine.runtime.context import Context


@dataclass
class State:
    """A training after `step` steps. `best` holds the changing tensors of the model as they validated best."""

    model: nn.Module
    optimizer: Optimizer
    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    worse: int = 0  # validations since the best one

    def judge(self, score: float) -> None:
        """Takes in a validation, where more is better; of equals the first counts."""
        if self.best_score is not None and score <= self.best_score:
            self.worse += 1
            return
        self.best_step, self.best_score, self.worse = self.step, score, 0
        self.best = {name: tensor.detach().clone() for name, tensor in changing(self.model).items()}

    def save(self, path: Path, variant: int | None = None) -> None:
        """Writes everything, the random state of CPU and device included; of stacked variants what is one's own."""
        tensors = {f"model.{name}": tensor for name, tensor in changing(self.model).items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        names: dict[Tensor, str] = {parameter: name for name, parameter in self.model.named_parameters()}
        for parameter, slots in self.optimizer.state.items():
            tensors |= {f"optimizer.{key}.{names[parameter]}": value for key, value in slots.items()}
        if variant is not None:
            tensors = {name: value if _is_shared(name) else value[variant] for name, value in tensors.items()}
        tensors["rng.cpu"] = torch.get_rng_state()
        if (device := _device(self.model)).type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(device)
        facts = {"step": self.step, "best_step": self.best_step, "best_score": self.best_score}
        # A clone each: safetensors takes no two tensors that share memory.
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(plain, path, {"facts": json.dumps(facts | {"worse": self.worse})})

    def load(self, *paths: Path) -> None:
        """Takes everything back; a file for each of stacked variants, in their order.

        Raises:
            InputError: a file belongs to a model of other names or shapes.
        """
        device = _device(self.model)
        files = [_read(path, device) for path in paths]
        tensors, facts = files[0]
        if len(files) > 1:
            tensors = {
                name: value if _is_shared(name) else torch.stack([file[name] for file, _ in files])
                for name, value in tensors.items()
            }
        _restore(self.model, _under("model.", tensors))
        self.best = _under("best.", tensors)
        parameters = dict(self.model.named_parameters())
        for name, value in _under("optimizer.", tensors).items():
            key, _, parameter = name.partition(".")
            self.optimizer.state[parameters[parameter]][key] = value
        torch.set_rng_state(tensors["rng.cpu"].cpu())
        if device.type == "cuda":
            torch.cuda.set_rng_state(tensors["rng.cuda"].cpu(), device)
        self.step, self.best_step = facts["step"], facts["best_step"]
        self.best_score, self.worse = facts["best_score"], facts["worse"]

    def take_best(self) -> None:
        """Puts the best weights back into the model."""
        if self.best:
            _restore(self.model, self.best)


class Keeper(Protocol):
    """Where a training keeps its state on the way."""

    def resume(self, state: State) -> None:
        """Goes on where an earlier process stopped keeping."""

    @property
    def due(self) -> bool:
        """Whether it is time to keep the state."""

    def keep(self, state: State) -> None:
        """Keeps the state now."""


class Checkpoints:
    """Keeps a training's state in a run, at most every `seconds`, and finds it again. A point trains once with them."""

    def __init__(self, context: Context, point: int, seconds: float) -> None:
        self._context, self._point, self._seconds = context, point, seconds
        self._kept = time.monotonic()

    def resume(self, state: State) -> None:
        """Goes on where the last process that trained this point stopped keeping."""
        if (path := self._context.resume(self._point)) is not None:
            state.load(path)

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() - self._kept >= self._seconds

    def keep(self, state: State) -> None:
        """Keeps the state now."""
        self._context.checkpoint(self._point, state.step, state.save)
        self._kept = time.monotonic()


def changing(model: nn.Module) -> dict[str, Tensor]:
    """What a training may change: the parameters that take a gradient, and the buffers."""
    tensors = model.state_dict(keep_vars=True)
    return {
        name: tensor for name, tensor in tensors.items() if tensor.requires_grad or not isinstance(tensor, nn.Parameter)
    }


def _restore(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    targets = changing(model)
    for name in targets.keys() | values.keys():
        here, there = (tuple(found[name].shape) if name in found else "nothing" for found in (targets, values))
        if here != there:
            raise InputError(f"the checkpoint is of another model: its {name} is {there}, here {here}; start anew.")
    with torch.no_grad():
        for name, value in values.items():
            targets[name].copy_(value)


def _read(path: Path, device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A checkpoint's tensors and facts."""
    with safe_open(path, framework="pt", device=str(device)) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return tensors, json.loads(file.metadata()["facts"])


def _is_shared(name: str) -> bool:
    """Whether a tensor of a checkpoint is the same for all variants: the steps made, and the random state."""
    return name.startswith(("optimizer.step.", "rng."))


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
