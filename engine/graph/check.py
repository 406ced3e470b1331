"""Whether a program still computes what the model does: well-formed, and the largest difference on random inputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from engine.errors import InputError
from engine.graph.capture import Program
from engine.graph.inputs import DIMENSIONS, EXAMPLE, example
from engine.graph.transforms import copied, switch_off, with_weights

DRAWS: tuple[Mapping[str, int], ...] = (EXAMPLE, {"batch": 2, "sequence": 7})
"""Sizes of the random inputs: more than one, as a program for one size alone would pass the first."""


@dataclass(frozen=True, slots=True)
class Check:
    """`difference` is the largest absolute difference of any output on random inputs against the model in eval mode.

    None where it could not be run: `problem` says why. `switched` operators were put into evaluation to compare.
    """

    difference: float | None
    largest: float = 0.0
    switched: int = 0
    problem: str = ""

    @property
    def sentence(self) -> str:
        """What was found."""
        if self.difference is None:
            return f"It could not be compared with the model: {self.problem}"
        off = f", with {self.switched} still active dropouts switched off" if self.switched else ""
        if self.difference == 0:
            same = "Its outputs are those of the model bit for bit"
        else:
            largest = f"the largest output is {self.largest:.3g}"
            same = f"Its outputs differ from the model's by {self.difference:.3g} at most ({largest})"
        return f"{same}, on random inputs in eval mode{off}."


def check(program: Program, seed: int = 0) -> Check:
    """Runs program and model on the same random inputs, at two sizes.

    Raises:
        InputError: the weights cannot be read.
    """
    ready = with_weights(program)
    assert ready.module is not None
    assert ready.reference is not None
    module = copied(ready.module)
    switched = switch_off(module)
    difference = largest = 0.0
    for number, sizes in enumerate(DRAWS):
        try:
            inputs = _random(ready, sizes, seed + number)
            ours, theirs = run(module, inputs), _model_outputs(ready, inputs)
        except InputError:
            raise
        except Exception as error:  # a program that was cut open may fail in any way
            lines = str(error).strip().splitlines()
            return Check(None, problem=f"{type(error).__name__}: {lines[0] if lines else ''}"[:240])
        if [one.shape for one in ours] != [one.shape for one in theirs]:
            return Check(None, problem=f"it gives {_shapes(ours)}, the model {_shapes(theirs)}.")
        for one, other in zip(ours, theirs, strict=True):
            difference = max(difference, float((one.double() - other.double()).abs().max()))
            largest = max(largest, float(other.abs().max()))
    return Check(difference, largest, switched)


def run(module: fx.GraphModule, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The tensors that a program gives."""
    places = [str(node.target) for node in module.graph.nodes if node.op == "placeholder"]
    with torch.no_grad():
        result = fx.Interpreter(module).run(*(inputs[name] for name in places), enable_io_processing=False)
    return _tensors(result)


def _model_outputs(program: Program, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    assert program.reference is not None
    with torch.no_grad():
        return _tensors(program.reference.eval()(**inputs))


def _random(program: Program, sizes: Mapping[str, int], seed: int) -> dict[str, Tensor]:
    """Random inputs that the model takes; those of a module of one's own keep the shape they were captured with."""
    known = [name for name in program.examples if name in DIMENSIONS]
    inputs = example(known, program.reference, sizes=sizes, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for name, given in program.examples.items():
        if name not in known:
            inputs[name] = torch.randn(given.shape, generator=generator) if given.is_floating_point() else given
    return inputs


def _tensors(value: object) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _shapes(tensors: list[Tensor]) -> str:
    return ", ".join(str(tuple(one.shape)) for one in tensors)
