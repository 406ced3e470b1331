"""`python -m engine.models.probing SOURCE [SIZE]`: runs a user's file in a process of its own and says what it gives.

One JSON object on stdout: `{"facts"}` or `{"error"}`, a sentence. SIZE is height and width of an image, as `32,32`.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.layers import describe_model
from engine.models.own_module import OwnModule, classes_of, image_size, load_module
from engine.models.python_file import parts
from engine.training.forward import forward

SAMPLES = 2


def facts_of(source: str, size: Sequence[int] | None) -> dict[str, Any]:
    """What can be told of a module without its data, and the classes that it gives for images of the size."""
    subject = load_module(source)
    model: nn.Module = subject.model
    example = example_of(subject, size)
    return {
        "class": type(model).__name__,
        "input": subject.input,
        "inputs": {name: list(tensor.shape) for name, tensor in subject.example.items()},
        "classes": classes_of(subject, example) if example is not None else None,
        "mean": list(subject.mean),
        "std": list(subject.std),
        "layers": {name: [layer.kind.name, list(layer.shape)] for name, layer in describe_model(model).items()},
        "tensors": {name: [list(one.shape), one.numel() * one.element_size()] for name, one in _tensors(model)},
        "activations": activations_of(subject, example) if example is not None else None,
    }


def example_of(subject: OwnModule, size: Sequence[int] | None) -> Tensor | None:
    """What the file's own `inputs()` gives, or a few images of the size; None where neither is known."""
    if subject.input in subject.example or size is None:
        return subject.example.get(subject.input)
    return torch.zeros(SAMPLES, image_size(subject)[0], *size)


def activations_of(subject: OwnModule, inputs: Tensor) -> tuple[int, int]:
    """Numbers for a sample, of the innermost modules: the most that one takes and gives, and what all of them give."""
    sizes: list[tuple[int, int]] = []

    def hook(_module: nn.Module, taken: Any, given: Any) -> None:
        found = [sum(one.numel() for one in some if isinstance(one, Tensor)) for some in (taken, (given,))]
        sizes.append((found[0] // len(inputs), found[1] // len(inputs)))

    inner = [one for one in subject.model.modules() if not any(one.children())]
    with ExitStack() as stack, torch.no_grad():
        for module in inner:
            stack.callback(module.register_forward_hook(hook).remove)
        forward(subject.model, {subject.input: inputs})
    return max((sum(pair) for pair in sizes), default=0), sum(given for _, given in sizes)


def _tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    seen: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        seen.setdefault(id(tensor), (name, tensor))
    return list(seen.values())


def main() -> None:
    """Answers on the pipe that stdout was; what the user's code prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    source, *size = sys.argv[1:]
    try:
        said: dict[str, Any] = {"facts": facts_of(source, [int(one) for one in size[0].split(",")] if size else None)}
    except InputError as error:
        said = {"error": str(error)}
    except Exception as error:  # whatever is wrong with their code that no sentence of ours foresees
        name, function = parts(source)
        said = {"error": f"{name}:{function} cannot be used ({type(error).__name__}: {str(error)[:200]}); correct it."}
    answers.write(json.dumps(said))
    answers.close()


if __name__ == "__main__":
    main()
