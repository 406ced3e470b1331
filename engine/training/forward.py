"""Calling a model: what its own code raises is reported as that, and values that are no numbers are traced."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.runtime.reasons import out_of_memory


class ForwardError(RuntimeError):
    """A model's own code raised; the message says what, and where."""


class NotFiniteError(InputError):
    """NaN or infinity in weights, outputs or a loss. The message names the layer where it began."""


def forward(model: nn.Module, inputs: Mapping[str, Tensor]) -> Any:
    """What the model returns for its inputs by name. It gets copies: its code may change them in place.

    Raises:
        ForwardError: its code raised. Exhausted memory is passed on as it is.
    """
    copies = {name: one.clone() if isinstance(one, Tensor) else one for name, one in inputs.items()}
    with _own_code("forward"):
        return model(**copies)


def giving(module: nn.Module, output: Any) -> AbstractContextManager[None]:
    """Until the block ends a module gives `output`, whatever it is given."""
    return replaced_forward(module, lambda *_args, **_named: output)


@contextmanager
def replaced_forward(module: nn.Module, instead: Callable[..., Any]) -> Iterator[None]:
    """Until the block ends a call of the module is one of `instead`, its hooks aside."""
    own = {name: value for name, value in module.__dict__.items() if name == "forward"}
    module.__dict__["forward"] = instead
    try:
        yield
    finally:
        del module.__dict__["forward"]
        module.__dict__ |= own


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Until the block ends a model is in evaluation mode, and nothing keeps gradients."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def backward(loss: Tensor) -> None:
    """Gradients of a loss. Raises ForwardError where the model's own code raised, like `forward`."""
    with _own_code("backward"):
        loss.backward()  # type: ignore[no-untyped-call]


def gradients_of(loss: Tensor, of: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Those of a loss by some tensors, zero by one that it does not depend on. Raises like `backward`."""
    with _own_code("backward"):
        return torch.autograd.grad(loss, of, materialize_grads=True)


@contextmanager
def _own_code(what: str) -> Iterator[None]:
    try:
        yield
    except InputError:  # what hooks of ours find
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        raise ForwardError(f"the model's {what} raised {raised(error)}") from error


def raised(error: BaseException) -> str:
    """An exception in a line: its type, the first line of what it says, and the innermost place that it came from."""
    said = (str(error).strip() or "no reason").splitlines()[0][:200]
    text = said if type(error).__name__ in said else f"{type(error).__name__}: {said}"
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return text
    place = frames[-1]
    file = "/".join(Path(place.filename).parts[-3:])
    return f"{text}, at {file}:{place.lineno} in {place.name}"


def logits_of(model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
    """The model's logits, `[batch, classes]`, or `[variants, batch, classes]` of variants: `logits`, or all it gives.

    Raises:
        ForwardError: its code raised, or it returns no logits of this shape.
    """
    found = forward(model, inputs)
    logits = found if isinstance(found, Tensor) else getattr(found, "logits", None)
    if not isinstance(logits, Tensor) or logits.ndim < 2:
        raise ForwardError(f"the model's forward returned {type(found).__name__} without logits of [batch, classes]")
    return logits


def all_finite(x: Tensor, each: bool = False) -> Tensor:
    """Whether a floating-point tensor that is not empty holds no NaN and no infinity, `[]` bool, on its device.

    Of `each` along its first dimension: `[len(x)]`. Extremes tell; unlike `isfinite` they take no memory of its size.
    """
    low, high = x.flatten(1).aminmax(dim=1) if each else x.aminmax()
    return torch.isfinite(low) & torch.isfinite(high)


def check_weights(model: nn.Module, what: str) -> None:
    """Raises NotFiniteError where a parameter, or a buffer that is saved, holds NaN or infinity."""
    if (sentence := bad_weights(model)) is not None:
        raise NotFiniteError(f"the weights of {what} are not finite: {sentence}.")


def bad_weights(model: nn.Module) -> str | None:
    """The first tensor of a model's state that holds NaN or infinity, and how much of it; None where none does."""
    tensors = [(name, tensor) for name, tensor in model.state_dict().items() if _is_real(tensor)]
    by_device: dict[torch.device, list[Tensor]] = {}  # one look at each device: a look at each tensor takes long
    for _, tensor in tensors:
        by_device.setdefault(tensor.device, []).append(all_finite(tensor))
    if all(bool(torch.stack(flags).all()) for flags in by_device.values()):
        return None
    name, tensor = next((name, tensor) for name, tensor in tensors if not bool(all_finite(tensor)))
    return f"{name} has {_share([tensor])}"


def check_finite(model: nn.Module) -> None:
    """The same of a model that is about to be measured: number formats may hide what its weights have become."""
    if (sentence := bad_weights(model)) is not None:
        raise NotFiniteError(f"the model is not finite: it begins with the weights, of which {sentence}.")


def where_it_began(model: nn.Module, inputs: Mapping[str, Tensor]) -> str:
    """The first layer, in the order of computation, whose weights or outputs are not finite for these inputs."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if not found and (bad := [one for one in _tensors(output) if not bool(all_finite(one))]):
                found.append(f"it begins in {name}, whose output has {_share(bad)}")

        return hook

    with ExitStack() as stack, torch.no_grad():
        for name, module in model.named_modules():
            stack.callback(module.register_forward_hook(look(name or "the model itself")).remove)
        forward(model, inputs)
    return found[0] if found else "it begins outside its layers"


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value] if _is_real(value) else []
    if isinstance(value, Mapping):
        return [tensor for one in value.values() for tensor in _tensors(one)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [tensor for one in value for tensor in _tensors(one)]
    return []


def _is_real(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.numel() > 0 and not tensor.is_meta


def _share(tensors: Sequence[Tensor]) -> str:
    bad = sum(int((~torch.isfinite(tensor)).sum()) for tensor in tensors)
    total = sum(tensor.numel() for tensor in tensors)
    return f"{bad:,} NaN or infinite of {total:,} values ({100 * bad / total:.2g} %)"
