"""The model of a trial: built from the starting model's config with some fields changed and some layers left out."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.formats.spec import parse_spec
from engine.models.fields import HEADS, model_fields
from engine.search.space import Dimension, Params, Range, Space, described, tied

if TYPE_CHECKING:
    from torch import nn

    from engine.models.classifier import Classifier

SKIP = "skip:"
"""Begins the name of a dimension that says whether a square layer is kept or left out (an identity in its place)."""
KEEP, IDENTITY = "keep", "identity"
TRAINING = ("learning_rate", "batch_size")
COMPRESSION = ("format", "sparsity")
LORA = "lora_rank"


def fields_of(space: Space) -> list[str]:
    """The dimensions that are fields of the model's config."""
    others = {*TRAINING, *COMPRESSION, LORA}
    return [name for name in space.names if name not in others and not name.startswith(SKIP)]


def named_values(domain: Range | tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a choice, or the ends of a range."""
    if not isinstance(domain, Range):
        return domain
    kind = int if domain.whole else float
    return kind(domain.low), kind(domain.high)


def check_values(space: Space) -> None:
    """Raises ValueError where a dimension that is no field of a model has a value that it cannot take."""
    for one in space.dimensions:
        values = named_values(one.domain)
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 1 for value in values)
        if one.name == "learning_rate" and not (numbers and all(0 < value <= 1 for value in values)):
            raise ValueError(f"learning_rate lies above 0 and not above 1; {described(one.domain)} does not")
        if one.name == "sparsity" and not (numbers and all(0 <= value < 1 for value in values)):
            raise ValueError(f"sparsity lies from 0 to below 1; {described(one.domain)} does not")
        if one.name in ("batch_size", LORA) and not whole:
            raise ValueError(f"{one.name} is a whole number from 1 on; {described(one.domain)} is not")
        if one.name == "format":
            for value in values:
                parse_spec(str(value))


def fitting(space: Space, source: str) -> Space:
    """The space without combinations of which no model can be built: a width that its heads do not divide.

    Raises:
        InputError: nothing fits, or the model is not there.
    """
    fields = model_fields(source)
    for width, heads in HEADS:
        if {width, heads} <= set(fields) and {width, heads} & set(space.names):

            def divides(params: Params, width: str = width, heads: str = heads) -> bool:
                return bool({**fields, **params}[width] % {**fields, **params}[heads] == 0)

            space = tied(space, (width, heads), divides, f"{width} must be a multiple of {heads}")
    return space


def skipping(names: Sequence[str]) -> list[Dimension]:
    """A dimension for each layer that may be left out."""
    return [Dimension(f"{SKIP}{name}", (KEEP, IDENTITY)) for name in names]


@dataclass(frozen=True, slots=True)
class Built:
    """`facts` are what was really built; `skipped` the layers left out."""

    model: "nn.Module"
    facts: Mapping[str, Any]
    skipped: tuple[str, ...]


def build(classifier: "Classifier", params: Params, inherit: bool, seed: int) -> Built:
    """The model that a trial's parameters describe; with `inherit`, starting from the weights that fit it.

    Raises:
        InputError: the model's own code refuses the config.
    """
    import torch

    from engine.compress.identity import skip_layers, square_layers

    config = copy.deepcopy(classifier.model.config)
    known = config.to_dict()
    for name, value in params.items():
        if name in known:
            setattr(config, name, value)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = type(classifier.model)(config).float()
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        raise InputError(f"no model can be built of this config: {str(error).splitlines()[0][:160]}.") from error
    model.to(classifier.model.device)
    inherited = _inherit(model, classifier.model) if inherit else 0
    square = set(square_layers(model))
    wanted = [name.removeprefix(SKIP) for name, value in params.items() if name.startswith(SKIP) and value == IDENTITY]
    skipped = tuple(name for name in wanted if name in square)
    skip_layers(model, skipped)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {
        "parameters": parameters,
        "blocks": max((len(one) for one in model.modules() if isinstance(one, torch.nn.ModuleList)), default=0),
        "linear_layers": sum(isinstance(one, torch.nn.Linear) for one in model.modules()),
        "inherited": inherited / parameters,
        "skipped": list(skipped),
    }
    return Built(model.eval(), facts, skipped)


def _inherit(model: "nn.Module", start: "nn.Module") -> int:
    """Copies the tensors whose name and shape are the same; how many numbers that were."""
    import torch

    found = {name: tensor for name, tensor in start.state_dict().items() if tensor.is_floating_point()}
    copied = 0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in found and found[name].shape == parameter.shape:
                parameter.copy_(found[name])
                copied += parameter.numel()
    return copied


def idle_dimensions(classifier: "Classifier", space: Space) -> list[str]:
    """The dimensions that change nothing: with their outer values the same is built, and it computes the same.

    This is tried in the smallest model and in the largest. Both of a pair begin with weights of the same seed and get
    the same input; fields that only training sees (dropout) show in the modules.
    """
    import torch

    ids = torch.arange(3, 19, device=classifier.model.device).view(2, 8)
    smallest = space.choose(lambda dimension: _outer(dimension)[0])
    largest = space.choose(lambda dimension: _outer(dimension)[1])

    def idle(dimension: Dimension, name: str, others: Params) -> bool:
        values = ({**others, **value} for value in _ends(dimension, name, others))
        low, high = (build(classifier, params, False, 0).model for params in values)
        return _same(low, high, ids)

    return [
        name
        for dimension in space.dimensions
        for name in dimension.parts or (dimension.name,)
        if name not in (*TRAINING, *COMPRESSION, LORA)
        and all(idle(dimension, name, others) for others in (smallest, largest))
    ]


def _outer(dimension: Dimension) -> tuple[Any, Any]:
    """The lowest and the highest value of a dimension; of words the first and the last."""
    values = named_values(dimension.domain)
    words = any(isinstance(value, str) for value in values)
    return (values[0], values[-1]) if words else (min(values), max(values))


def _ends(dimension: Dimension, name: str, others: Params) -> list[dict[str, Any]]:
    """The outer values of one name, the other parts of its dimension as they are."""
    if not dimension.parts:
        return [dimension.spread(value) for value in _outer(dimension)]
    rows = [dimension.spread(value) for value in dimension.values or ()]
    same = [row for row in rows if all(row[part] == others[part] for part in dimension.parts if part != name)]
    return [same[0], same[-1]]


def _same(one: "nn.Module", other: "nn.Module", ids: Any) -> bool:
    import torch

    if repr(one) != repr(other):
        return False
    weights, others = one.state_dict(), other.state_dict()
    if weights.keys() != others.keys() or not all(torch.equal(weights[name], others[name]) for name in weights):
        return False
    with torch.inference_mode():
        return bool(torch.equal(one(input_ids=ids).logits, other(input_ids=ids).logits))
