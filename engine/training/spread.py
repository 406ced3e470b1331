"""A model over several GPUs: its blocks are shared out by their bytes, and what passes between them follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import nn

from engine.errors import InputError
from engine.figures.units import in_bytes

_SHARE = 0.9
"""Of a device's free memory that weights may take: what passes through the model needs room beside them."""


@dataclass(frozen=True, slots=True)
class _Follow:
    """A forward pre-hook that brings what a module is called with to the device where its weights are."""

    device: str

    def __call__(self, _module: nn.Module, args: Any, kwargs: Any) -> Any:
        from accelerate.utils import send_to_device

        return send_to_device((args, kwargs), self.device)


@dataclass(frozen=True, slots=True)
class _Return:
    """A forward hook that brings what a module gives to a device."""

    device: str

    def __call__(self, _module: nn.Module, _args: Any, output: Any) -> Any:
        from accelerate.utils import send_to_device

        return send_to_device(output, self.device)


def place(model: nn.Module, devices: Sequence[str]) -> None:
    """Moves a model to its device; of several each takes its share of the blocks, in their order.

    A model that is spread is called as on the first device: inputs are expected and outputs given there. Copies of it
    are spread alike, layers put in the place of others too where they `follow` those.

    Raises:
        InputError: the model does not fit, or it is not known which of its modules must stay whole.
    """
    if len(devices) == 1:
        model.to(devices[0])
        return
    shares = _shares(model, [int(_SHARE * _free_memory(device)) for device in devices])
    for name, number in shares.items():
        module = model.get_submodule(name)
        module.to(devices[number])
        module.register_forward_pre_hook(_Follow(devices[number]), with_kwargs=True)
    for module in _around(model, shares):
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = buffer.to(devices[0])
    model.register_forward_hook(_Return(devices[0]))


def settle(model: nn.Module, device: str | torch.device) -> None:
    """Moves a model to a device, unless it is spread over several."""
    if not any(map(_device_of, model.modules())):
        model.to(device)


def follow(module: nn.Module, other: nn.Module) -> None:
    """Has the module, which takes the place of another in a model that is spread, follow its device too."""
    if (device := _device_of(other)) is not None:
        module.register_forward_pre_hook(_Follow(device), with_kwargs=True)


def _device_of(module: nn.Module) -> str | None:
    hooks = module._forward_pre_hooks.values()
    return next((hook.device for hook in hooks if isinstance(hook, _Follow)), None)


def _free_memory(device: str) -> int:
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


def _shares(model: nn.Module, room: Sequence[int]) -> Mapping[str, int]:
    """The number of a device for each module that is moved as a whole."""
    from accelerate.utils import get_balanced_memory, infer_auto_device_map

    whole = sorted(getattr(model, "_no_split_modules", None) or ())
    if not whole:
        raise InputError(
            f"{type(model).__name__} cannot be spread over several GPUs: it does not say which of its modules must "
            "stay whole; use gpus=1."
        )
    free = get_balanced_memory(model, dict(enumerate(room)), no_split_module_classes=whole)
    shares: dict[str, Any] = infer_auto_device_map(model, free, no_split_module_classes=whole)
    if "disk" in shares.values():
        size = in_bytes(sum(tensor.nbytes for tensor in model.parameters()))
        raise InputError(
            f"the model's {size} and what its blocks need beside them do not fit into the {in_bytes(sum(room))} that "
            f"are free on {len(room)} GPUs; raise gpus."
        )
    modules = dict(model.named_modules())
    if loose := [name for name in shares if name not in modules]:
        raise InputError(
            f"{type(model).__name__} cannot be spread over several GPUs: {loose[0]} belongs to no module that could "
            "be moved; use gpus=1."
        )
    return shares


def _around(model: nn.Module, shares: Mapping[str, int]) -> Iterator[nn.Module]:
    """The modules that hold shared-out ones; what they hold beside them are buffers."""
    for name, module in model.named_modules():
        if any(one != name and (not name or one.startswith(f"{name}.")) for one in shares):
            yield module
