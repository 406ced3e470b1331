"""What a forward may change of a model: a count of its calls, a running mean, a generator of random numbers."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


class ForwardState:
    """Buffers, generators and plain values (bool, int, float, str) of a model's modules, as they are now."""

    def __init__(self, model: nn.Module) -> None:
        self._known = [
            (module, name, value, content)
            for module in model.modules()
            for name, value in (vars(module) | module._buffers).items()
            if (name in module._buffers or not isinstance(value, Tensor)) and (content := _content(value)) is not None
        ]

    def changed(self) -> bool:
        """Whether any of it has changed since."""
        return next(self._changes(), None) is not None

    def restore(self) -> None:
        """Undoes what has changed since."""
        for module, name, value, content in self._changes():
            if isinstance(value, Tensor):
                value.copy_(content)
                module._buffers[name] = value
            elif isinstance(value, torch.Generator):
                value.set_state(content)
            else:
                setattr(module, name, value)

    def _changes(self) -> Iterator[tuple[nn.Module, str, Any, Any]]:
        for module, name, value, content in self._known:
            now = _content(module._buffers.get(name, vars(module).get(name)))
            both = isinstance(now, Tensor) and isinstance(content, Tensor)
            if not (torch.equal(now, content) if both else now == content):
                yield module, name, value, content


def _content(value: Any) -> Any:
    """A copy; None of what is not looked at."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, torch.Generator):
        return value.get_state()
    return value if isinstance(value, bool | int | float | str) else None
