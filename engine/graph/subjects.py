"""Models to capture: from their config alone where that is enough; weights are read when they are wanted."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from transformers.initialization import no_init_weights
from transformers.utils import logging

from engine.errors import InputError
from engine.models.builtin import config_of
from engine.models.cache import Progress
from engine.models.check import check_body, check_head, no_config
from engine.models.complete import complete
from engine.models.hub import hub_config, hub_problem
from engine.models.image_shape import image_shape, processed_size
from engine.models.manifest import MANIFEST
from engine.models.own_module import example_of, prepare
from engine.models.own_source import is_own
from engine.models.place import place_of
from engine.models.sources import locate
from engine.runtime.references import PREFIX
from engine.store import load
from engine.training.forward import raised


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to capture. In `fake` mode its tensors have shapes and no values; `weights` gives the model with both."""

    title: str
    model: nn.Module
    weights: Callable[[], nn.Module]
    fake: FakeTensorMode | None = None


def subject(source: str, attention: str = "auto", progress: Progress | None = None) -> Subject:
    """What `source` names: `builtin`, a folder (compressed or not), what a run kept, or a hub id.

    Code that comes with a model is never run: only a Python file that is named itself. `attention` is `auto` (as the
    model would have it), `sdpa` or `eager`.

    Raises:
        InputError: nothing there, not a model that transformers can make, or not with this attention.
    """
    located = locate(source)
    if is_own(source):
        return _own(source)
    title = source if located.kind != "local" or source.startswith(PREFIX) else located.path.name
    if located.kind == "builtin":
        place, config = source, _capturable(config_of(source))  # known before it is made, which takes a while
    else:
        check_body(source)
        place = place_of(source, progress)
        if (Path(place) / MANIFEST).is_file():  # its layers are no transformers layers: there is no short way
            whole = _prepared(load(place).model, attention)
            return Subject(title, whole, lambda: whole)
        config = _config(place, source, located.kind == "hub")
    make = _maker(config)
    with torch.device("meta"), no_init_weights():  # as transformers makes every model that it reads
        model = _made(lambda: make(config, **_kind(attention)), source, attention)
    fake = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
    model.apply(lambda module: _without_values(module, fake))
    model.tie_weights()  # without initialisers nothing else does

    def weights() -> nn.Module:
        try:
            check_head(source, config.architectures)
        except InputError:
            whole: nn.Module = _made(lambda: _pretrained(place, config, attention), source, attention)
            return whole
        try:
            return _prepared(load(source, progress=progress).model, attention)
        except OSError as error:
            reason = str(error).strip().splitlines()[0][:160].rstrip(".")
            raise InputError(f"the weights of {source} cannot be read ({reason}).") from None

    return Subject(title, model, weights, fake)


def _own(source: str) -> Subject:
    """A module of the user's own: its file is run, as it was named."""
    own = load(source)
    prepare(own.model, example_of(own))
    model: nn.Module = own.model
    title = source if source.startswith(PREFIX) else f"{own.file.path.name}:{own.file.function}"
    return Subject(title, model, lambda: model)


def plain_subject(model: nn.Module, title: str = "") -> Subject:
    """Any module that is there already."""
    return Subject(title or type(model).__name__, model, lambda: model)


def _config(place: str, source: str, hub: bool) -> Any:
    logging.disable_progress_bar()
    if not hub and not (Path(place) / "config.json").is_file():
        raise no_config(Path(place), source)
    if hub:
        hub_config(place)
    try:
        config = transformers.AutoConfig.from_pretrained(place, local_files_only=not hub)
    except OSError as error:
        if hub:
            raise hub_problem(place, "model", error) from None
        raise InputError(f"the config of {source} cannot be read: {error}.") from None
    except Exception as error:  # a config's own code raises of its values what it will
        raise InputError(f"{source} is not a model that transformers can make ({raised(error)}).") from None
    if not hub and not image_shape(config, 0)[1] and (size := processed_size(Path(place))) is not None:
        config.image_size = size
    return _capturable(config)


def _capturable(config: Any) -> Any:
    if hasattr(config, "use_cache"):
        config.use_cache = False  # a cache of keys and values is no part of the model
    complete(config)
    return config


def _maker(config: Any) -> Callable[..., Any]:
    """Makes the model's class from a config, with weights of no meaning."""
    named = [name for name in config.architectures or () if hasattr(transformers, name)]
    if named:
        return cast("Callable[..., Any]", getattr(transformers, named[0])._from_config)
    return cast("Callable[..., Any]", transformers.AutoModel.from_config)


def _pretrained(place: str, config: Any, attention: str) -> nn.Module:
    named = [name for name in config.architectures or () if hasattr(transformers, name)]
    maker = getattr(transformers, named[0]) if named else transformers.AutoModel
    model: nn.Module = maker.from_pretrained(
        place,
        config=config,
        dtype=torch.float32,
        weights_only=True,
        local_files_only=Path(place).exists(),
        **_kind(attention),
    )
    return model


def _kind(attention: str) -> dict[str, str]:
    return {} if attention == "auto" else {"attn_implementation": attention}


def _made(make: Callable[[], Any], source: str, attention: str) -> Any:
    try:
        return make()
    except InputError:
        raise
    except Exception as error:  # a model's own code raises what it will
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160].rstrip(".")
        raise InputError(f"{source} cannot be made with attention={attention} ({reason}).") from None


def _without_values(module: nn.Module, fake: FakeTensorMode) -> None:
    """Gives a module's own parameters and buffers a device, but no values: they are never looked at."""
    with fake:
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(torch.empty_like(parameter, device="cpu"), parameter.requires_grad))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty_like(buffer, device="cpu"))


def _prepared(model: Any, attention: str) -> nn.Module:
    if attention != "auto":
        model.set_attn_implementation(attention)
    if hasattr(model.config, "use_cache"):
        model.config.use_cache = False
    return cast(nn.Module, model)


def tensors_in(one: Subject) -> Any:
    """The context in which a subject's example inputs are to be made."""
    return nullcontext() if one.fake is None else one.fake
