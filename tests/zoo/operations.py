"""What labtui does with a model, one function each, on a small model in memory and in a folder."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast

from engine.compress import LayerFormats, pack_model, quantize_model
from engine.compress.lora import LoraSettings, add_lora, merge_lora
from engine.compress.prune import Pruning, prune_model
from engine.compress.prune_units import Kind, example_inputs
from engine.experiments.search.architecture import build, own_space
from engine.layers import live_layers
from engine.models.classifier import Classifier
from engine.profiling.specimen import model_of, specimen
from engine.profiling.steps import measure
from engine.store import load, save
from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.tokens import Tokens
from engine.training.train import TrainSettings, train
from tests.zoo.small import VOCABULARY, small_model

EIGHT = LayerFormats("fixed(8)", "fixed(8)", "fixed(8)")
STEPS = TrainSettings(steps=1, batch_size=8, learning_rate=1e-3)


@dataclass(frozen=True)
class Case:
    """A model, texts for it, and a folder that is its own; `saved` holds the model itself."""

    classifier: Classifier
    tokens: Tokens
    folder: Path

    @property
    def model(self) -> nn.Module:
        return self.classifier.model

    @property
    def saved(self) -> Path:
        return self.folder / "saved"


def case(kind: str, folder: Path) -> Case:
    words = {"[PAD]": 0, "[BOS]": 1, "[EOS]": 2} | {f"w{number}": number for number in range(3, VOCABULARY)}
    backend = Tokenizer(models.WordLevel(words, unk_token="w3"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", eos_token="[EOS]", unk_token="w3", model_max_length=32
    )
    model = small_model(kind)
    model.config.pad_token_id, model.config.architectures = 0, [type(model).__name__]
    dice = torch.Generator().manual_seed(0)
    lengths = torch.randint(4, 12, (16,), generator=dice)
    ids = torch.randint(3, VOCABULARY, (int(lengths.sum()),), generator=dice, dtype=torch.int32)
    ends = lengths.cumsum(0)
    ids[ends - 1] = 2  # every text ends once
    offsets = torch.cat((torch.zeros(1, dtype=torch.int64), ends))
    made = Case(
        Classifier(tokenizer, model=model, labels=2, source=kind), Tokens(ids, offsets, torch.arange(16) % 2), folder
    )
    made.classifier.save(made.saved)
    return made


def accuracy(one: Case, model: nn.Module) -> float:
    found = evaluate(model, one.tokens, Classes(), batch_size=8, device="cpu")
    assert found.n == len(one.tokens)
    return found.value


def kept(one: Case, model: nn.Module, name: str) -> int:
    """Saves and loads; the same outputs bit for bit, no tensor twice. Bytes of the file."""
    written = save(replace(one.classifier, model=model.eval()), one.folder / name)
    again = load(one.folder / name).model
    with torch.no_grad():
        first, second = (each(**example_inputs(model)).logits for each in (model, again))
    assert first.isfinite().all()
    assert torch.equal(first, second)
    assert len({id(weight) for weight in again.parameters()}) == len({id(weight) for weight in model.parameters()})
    return written


def quantise(one: Case) -> None:
    model = quantize_model(one.model, EIGHT, [example_inputs(one.model)])
    accuracy(one, model)
    source = sum(file.stat().st_size for file in one.saved.glob("*.safetensors"))
    assert kept(one, model, "quantised") <= source + 20_000, "no larger than the source and what describes it"


def prune(one: Case) -> None:
    model = prune_model(one.model, Pruning("l1", 0.5))
    accuracy(one, model)
    kept(one, model, "pruned")


def neurons(one: Case) -> None:
    units(one, "neurons")


def heads(one: Case) -> None:
    units(one, "heads")


def units(one: Case, kind: Kind) -> None:
    """`prune_model` checks that a cut model gives what the whole one gives with the cut inputs at zero."""
    model = prune_model(one.model, Pruning("l1", 0.5, kind))
    before, after = (sum(weight.numel() for weight in each.parameters()) for each in (one.model, model))
    assert after < before
    kept(one, model, kind)


def lora(one: Case) -> None:
    model = copy.deepcopy(one.model)
    add_lora(model, LoraSettings(2))
    train(model, one.tokens, Classes(), STEPS, device="cpu")
    merge_lora(model)
    accuracy(one, model.eval())


def sensitivity(one: Case) -> None:
    name = next(iter(live_layers(one.model)))
    accuracy(one, quantize_model(one.model, replace(EIGHT, include=(name,)), [example_inputs(one.model)]))


def memory(one: Case) -> None:
    from cuda_kernels import account

    packed = account(pack_model(one.model))
    assert packed.bytes < account(one.model).bytes
    assert packed.saving > 0


def step(one: Case) -> None:
    drawn = specimen(str(one.saved), model_of(str(one.saved)), dtype=torch.float32, device="cpu", batch=2, sequence=8)
    found = measure(drawn, "cpu", training=False, steps=1, repeats=3, keep=None)
    assert found.operators


def search(one: Case) -> None:
    space = own_space(str(one.saved))
    for place in (0, 1):  # the smallest, and one in the middle
        params = {one.name: one.values[place] if one.values else one.domain.low for one in space.dimensions}
        model = build(one.classifier, params, True, place).subject.model
        train(model, one.tokens, Classes(), STEPS, device="cpu")
        accuracy(one, model)


OPERATIONS: Mapping[str, Callable[[Case], None]] = {
    "quantise": quantise,
    "prune": prune,
    "neurons": neurons,
    "heads": heads,
    "LoRA": lora,
    "sensitivity": sensitivity,
    "memory": memory,
    "step": step,
    "search": search,
}
