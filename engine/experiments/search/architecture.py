"""The model of a trial: built from the starting model's config with some fields changed and some layers left out."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.formats.registry import parse_spec
from engine.models.fields import HEADS, model_fields
from engine.models.own_source import python_of
from engine.models.python_file import read_python
from engine.search.space import Dimension, Params, Range, Space, described, tied

if TYPE_CHECKING:
    from torch import nn

    from engine.tasks.base import Subject

SKIP = "skip:"
"""Begins the name of a dimension that says whether a square layer is kept or left out (an identity in its place)."""
KEEP, IDENTITY = "keep", "identity"
TRAINING = ("learning_rate", "batch_size")
COMPRESSION = ("format", "sparsity")
LORA = "lora_rank"


_DEPTH = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
_WIDTH = ("hidden_size", "dim", "n_embd", "d_model", "emb_dim")
_INNER = ("intermediate_size", "hidden_dim", "n_inner", "d_ff", "d_inner", "dff", "encoder_ffn_dim", "ffn_dim")
_AS_WIDE = ("pooler_hidden_size", "embedding_size")  # where they are as wide as the model they must stay so
_FIXED_WIDTH = (
    "coordinate_size",
    "channel_shrink_ratio",
    "mamba_headdim",
    "attention_hidden_size",
    "axial_norm_std",
)  # other sizes of the model follow from it
_ROTARY_WIDTH = "qk_rope_head_dim"  # of latent attention, where head_dim means this one and not hidden_size / heads
_PAIRS = ("axial_pos_shape", "axial_pos_embds_dim")  # lists that are no values by layer, of however many layers
_FIXED_DEPTH = ("attn_layer_period", "linear_conv_kernel_dim")  # blocks of two kinds: half of them may lack one


def own_space(source: str) -> Space:
    """What may be searched of a model without being told: depth, width and feed-forward width around its own.

    Under the names that its config has for them, with the learning rate; a width only where the heads divide it. Of a
    module of the user's own it is what the arguments of its function may be.

    Raises:
        InputError: the model is not there.
    """
    fields = model_fields(source)
    rate = Dimension("learning_rate", Range(1e-4, 2e-3, log=True))
    if (python := python_of(source)) is not None:
        return Space((*_arguments(python, fields), rate))
    dimensions = []
    depths = (1, 1.5) if any(one in fields for one in _FIXED_DEPTH) else (0.5, 1, 1.5)
    widths = () if any(one in fields for one in _FIXED_WIDTH) else (0.5, 1, 1.5)
    for names, shares in ((_DEPTH, depths), (_WIDTH, widths), (_INNER, (0.25, 0.5, 1))):
        name = next((one for one in names if isinstance(fields.get(one), int)), None)
        if name is not None and shares and fields[name] > 1:
            heads = next((fields[two] for one, two in HEADS if one == name and two in fields), 1)
            values = dict.fromkeys(max(1, int(share * fields[name])) for share in shares)
            fit = tuple(value for value in values if value % heads == 0 or names is not _WIDTH)
            dimensions.append(Dimension(name, fit))
    return Space((*dimensions, rate))


def _arguments(source: str, fields: Mapping[str, Any]) -> list[Dimension]:
    """The values of a `Literal`, both of a switch, and sizes from half of a whole number's default on."""
    choices = read_python(source).choices
    dimensions = []
    for name, default in fields.items():
        if name in choices:
            dimensions.append(Dimension(name, choices[name]))
        elif isinstance(default, bool):
            dimensions.append(Dimension(name, (False, True)))
        elif isinstance(default, int) and default > 1:
            sizes = dict.fromkeys(max(1, int(share * default)) for share in (0.5, 1, 1.5))
            dimensions.append(Dimension(name, tuple(sizes)))
    return dimensions


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
    """`subject` is the start with another model; `facts` are what was really built, `skipped` the layers left out."""

    subject: Any
    facts: Mapping[str, Any]
    skipped: tuple[str, ...]


def build(start: "Subject", params: Params, inherit: bool, seed: int) -> Built:
    """The model that a trial's parameters describe; with `inherit`, starting from the weights that fit it.

    Raises:
        InputError: the model's own code refuses the config.
    """
    import torch

    from engine.compress.identity import skip_layers, square_layers
    from engine.layers import describe_model, is_meant

    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            subject = _remade(start, params)
    except InputError:
        raise
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        raise InputError(f"no model can be built of this config: {str(error).splitlines()[0][:160]}.") from error
    model: nn.Module = subject.model
    model.to(next(start.model.parameters()).device)
    inherited = _inherit(model, start.model) if inherit else 0
    square = set(square_layers(model))
    wanted = [name.removeprefix(SKIP) for name, value in params.items() if name.startswith(SKIP) and value == IDENTITY]
    skipped = tuple(name for name in wanted if name in square)
    skip_layers(model, skipped)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {
        "parameters": parameters,
        "blocks": max((len(one) for one in model.modules() if isinstance(one, torch.nn.ModuleList)), default=0),
        "linear_layers": sum(is_meant(layer.kind, "Linear") for layer in describe_model(model).values()),
        "inherited": inherited / parameters,
        "skipped": list(skipped),
    }
    model.eval()
    return Built(subject, facts, skipped)


def _remade(subject: Any, params: Params) -> Any:
    """The subject with a model of the config that the parameters change, or of the user's function with them."""
    from engine.models.own_module import OwnModule

    if isinstance(subject, OwnModule):
        return subject.remade({name: value for name, value in params.items() if name in subject.file.arguments})
    return replace(subject, model=type(subject.model)(_changed(subject.model.config, params)).float())


def _changed(config: Any, params: Params) -> Any:
    """A copy of a config with other values; what it lists for each layer is listed for as many as there are then."""
    known = config.to_dict()
    changed = copy.deepcopy(config)
    own = {name: value for name, value in params.items() if name in known}
    depths = {known[name]: own[name] for name in _DEPTH if name in own}
    for name in own.keys() & set(_WIDTH):
        own |= {other: own[name] for other in _AS_WIDE if known.get(other) == known[name] and other not in own}
        heads = own.get("num_attention_heads") or known.get("num_attention_heads") or 1
        follows = _ROTARY_WIDTH not in known and bool(known.get("head_dim"))
        if follows and known["head_dim"] * known.get("num_attention_heads", 0) == known[name]:
            own.setdefault("head_dim", max(1, own[name] // heads))
    for name, value in known.items():
        if isinstance(value, list) and value and len(value) in depths and name not in own and name not in _PAIRS:
            own[name] = [value[place % len(value)] for place in range(depths[len(value)])]
    for name, value in sorted(own.items(), key=lambda item: not isinstance(item[1], list)):
        object.__setattr__(changed, name, value)
    return changed


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


def idle_dimensions(start: "Subject", space: Space) -> list[str]:
    """The dimensions that change nothing: with their outer values the same is built, and it computes the same.

    This is tried in the smallest model and in the largest. Both of a pair begin with weights of the same seed and get
    the same input; fields that only training sees (dropout) show in the modules.
    """
    smallest = space.choose(lambda dimension: _outer(dimension)[0])
    largest = space.choose(lambda dimension: _outer(dimension)[1])

    def idle(dimension: Dimension, name: str, others: Params) -> bool:
        values = ({**others, **value} for value in _ends(dimension, name, others))
        low, high = (build(start, params, False, 0).subject.model for params in values)
        return _same(low, high)

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


def _same(one: "nn.Module", other: "nn.Module") -> bool:
    import torch

    from engine.compress.prune_units import example_inputs
    from engine.training.forward import logits_of

    if repr(one) != repr(other):
        return False
    weights, others = one.state_dict(), other.state_dict()
    if weights.keys() != others.keys() or not all(torch.equal(weights[name], others[name]) for name in weights):
        return False
    with torch.inference_mode():
        return bool(torch.equal(*(logits_of(model, example_inputs(one)) for model in (one, other))))
