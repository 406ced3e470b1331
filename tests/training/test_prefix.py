"""Forwards that begin where points differ: the same logits to the last bit, or the whole forward."""

import copy
from collections.abc import Callable, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from engine.compress import LayerFormats, quantize_model
from engine.runtime.scratch import Scratch
from engine.training import starts
from engine.training.evaluate import evaluate
from engine.training.objective import Classes
from engine.training.prefix import Prefix
from engine.training.starts import changed_modules, starts_of
from engine.training.windows import Windows
from tests.training.small import small_tokens

Inputs = dict[str, Tensor]
WIDTH = 256


@pytest.fixture(autouse=True)
def _steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module takes as long as it has parts: what is worth keeping does not hang on what else the machine does."""
    ticks = count()
    monkeypatch.setattr(starts, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.calls: list[None] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(None)
        return x + self.narrow(torch.relu(self.wide(x)))


class Chain(nn.Module):
    """Blocks after one another; `last` uses what they gave in another way in each test."""

    def __init__(self, last: Callable[["Chain", list[Tensor]], Tensor] = lambda _, given: given[-1]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Embedding(40, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.head = nn.Linear(WIDTH, 2)
        self.last = last

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        given = [self.first(input_ids)]
        for block in self.blocks:
            given.append(block(given[-1]))
        return self.head(self.last(self, given).mean(1))


def inputs(seed: int = 0, count: int = 4) -> Inputs:
    return {"input_ids": torch.randint(0, 40, (count, 24), generator=torch.Generator().manual_seed(seed))}


def rounded(model: nn.Module, *layers: str) -> nn.Module:
    return quantize_model(model.eval(), LayerFormats("fixed(4)", include=layers), shared=True)


def passes(prefix: Prefix, batches: Sequence[Inputs], samples: str = "test") -> list[Tensor]:
    with prefix.over(samples) as call, torch.inference_mode():
        return [call(number, batch) for number, batch in enumerate(batches)]


def whole(model: nn.Module, batches: Sequence[Inputs]) -> list[Tensor]:
    with torch.inference_mode():
        return [model(**batch) for batch in batches]


def equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


def counted(model: Any) -> list[int]:
    """How often each block was called since it was asked last."""
    calls = [len(block.calls) for block in model.blocks]
    for block in model.blocks:
        block.calls.clear()
    return calls


def test_what_comes_before_a_changed_layer_is_computed_by_one_and_read_by_others() -> None:
    base, scratch = Chain().eval(), Scratch(1 << 26)
    batches = [inputs(seed) for seed in range(5)]
    first, second = rounded(base, "blocks.2.wide"), rounded(base, "blocks.2.narrow")
    for model in (first, second):
        prefix = Prefix.of(model, base, inputs(9), scratch)
        assert prefix is not None
        counted(model)
        found = passes(prefix, batches)
        calls = counted(model)
        assert equal(found, whole(model, batches))
        counted(model)
        assert calls == ([5, 5, 5, 5] if model is first else [1, 1, 6, 6])  # the first batch is computed both ways
    assert scratch.readable() == ["test blocks.1"]


def test_what_was_kept_earlier_on_the_way_serves_until_the_best_is_there() -> None:
    base, scratch = Chain().eval(), Scratch(1 << 26)
    batches = [inputs(seed) for seed in range(5)]
    for layer, expected in (
        ("blocks.1.wide", [5, 5, 5, 5]),
        ("blocks.3.wide", [1, 6, 6, 6]),
        ("blocks.3.narrow", [1, 1, 1, 6]),
        ("head", [1, 1, 1, 6]),
    ):
        model = rounded(base, layer)
        prefix = Prefix.of(model, base, inputs(9), scratch)
        assert prefix is not None
        counted(model)
        found = passes(prefix, batches)
        assert counted(model) == expected
        assert equal(found, whole(model, batches))
        counted(model)
    assert scratch.readable() == ["test blocks.0", "test blocks.2", "test blocks.3"]


def test_samples_of_another_name_are_others() -> None:
    base, scratch = Chain().eval(), Scratch(1 << 26)
    model = rounded(base, "blocks.2.wide")
    prefix = Prefix.of(model, base, inputs(), scratch)
    assert prefix is not None
    for samples, seed in (("validation", 1), ("test", 2), ("validation", 1), ("test", 2)):
        batches = [inputs(seed), inputs(seed + 10)]
        assert equal(passes(prefix, batches, samples), whole(model, batches))


def test_other_batches_than_before_are_found_out_at_the_first() -> None:
    base, scratch = Chain().eval(), Scratch(1 << 26)
    model = rounded(base, "blocks.2.wide")
    prefix = Prefix.of(model, base, inputs(), scratch)
    assert prefix is not None
    passes(prefix, [inputs(1), inputs(2)])
    others = [inputs(3), inputs(4)]
    assert equal(passes(prefix, others), whole(model, others))


def skipping(model: Chain, given: list[Tensor]) -> Tensor:
    return given[-1] + given[1]


def weight_of_a_layer(model: Chain, given: list[Tensor]) -> Tensor:
    return given[-1] @ model.blocks[3].wide.weight.T @ model.blocks[3].narrow.weight.T


def in_place(model: Chain, given: list[Tensor]) -> Tensor:
    return given[-1].add_(given[2])


@pytest.mark.parametrize("last", [skipping, weight_of_a_layer, in_place])
@pytest.mark.parametrize("layer", ["blocks.0.wide", "blocks.2.wide", "blocks.3.narrow", "head"])
def test_whatever_else_uses_what_came_before(last: Any, layer: str) -> None:
    base, scratch = Chain(last).eval(), Scratch(1 << 26)
    batches = [inputs(seed) for seed in range(3)]
    for spec in ("fixed(4)", "fixed(3)"):
        model = quantize_model(base, LayerFormats(spec, include=(layer,)), shared=True)
        if (prefix := Prefix.of(model, base, inputs(9), scratch)) is not None:
            assert equal(passes(prefix, batches), whole(model, batches))


def test_a_weight_used_without_a_call_ends_what_is_common() -> None:
    """PyTorch's attention multiplies by the weight of `out_proj` and never calls it."""

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.blocks = nn.Embedding(40, WIDTH), nn.ModuleList([Block()])
            self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
            self.later, self.head = Block(), nn.Linear(WIDTH, 2)

        def forward(self, input_ids: Tensor) -> Tensor:
            x = self.blocks[0](self.first(input_ids))
            return self.head(self.later(self.attention(x, x, x)[0]).mean(1))

    base = Attending().eval()
    model = copy.deepcopy(base)
    for name, parameter in base.named_parameters():
        if name != "attention.out_proj.weight":
            owner, _, own = name.rpartition(".")
            model.get_submodule(owner).register_parameter(own, parameter)
    model.attention.out_proj.weight.data.mul_(0.5)
    assert changed_modules(model, base) == {"attention.out_proj"}
    found = starts_of(model, base, inputs())
    assert found is not None
    assert found.best.module == "blocks.0"


def test_a_module_that_is_called_twice_is_no_place_to_begin() -> None:
    class Twice(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            x = self.first(input_ids)
            for _ in range(2):
                x = self.blocks[0](x)
            return self.head(self.blocks[1](x).mean(1))

    base = Twice().eval()
    assert starts_of(rounded(base, "blocks.1.wide"), base, inputs()) is None


def test_a_copy_with_weights_of_its_own_has_nothing_in_common() -> None:
    base = Chain().eval()
    assert starts_of(copy.deepcopy(base), base, inputs()) is None
    assert starts_of(base, base, inputs()) is None
    hooked = rounded(base, "blocks.3.wide")
    hooked.register_forward_pre_hook(lambda *_: None)
    assert starts_of(hooked, base, inputs()) is None


def test_what_leads_to_nothing_worth_keeping_is_left_alone() -> None:
    base = Chain().eval()
    assert starts_of(rounded(base, "blocks.0.wide"), base, inputs()) is None


def test_without_room_every_pass_is_whole() -> None:
    base, scratch = Chain().eval(), Scratch(1000)
    model = rounded(base, "blocks.2.wide")
    prefix = Prefix.of(model, base, inputs(), scratch)
    assert prefix is not None
    batches = [inputs(1), inputs(2)]
    for _ in range(2):
        assert equal(passes(prefix, batches), whole(model, batches))
    assert scratch.readable() == []


def test_a_language_model_keeps_what_its_blocks_share() -> None:
    """Cosines and sines are computed once for all blocks, and a cache is filled by each."""
    torch.manual_seed(0)
    shape = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4}
    base = LlamaForCausalLM(LlamaConfig(vocab_size=40, num_key_value_heads=2, **shape)).eval()
    scratch, batches = Scratch(1 << 26), [inputs(seed) for seed in range(3)]
    for spec in ("fixed(3)", "fixed(4)"):
        formats = LayerFormats(spec, include=("model.layers.3.mlp.up_proj",))
        model = quantize_model(base, formats, shared=True)
        prefix = Prefix.of(model, base, inputs(9, 1), scratch)
        assert prefix is not None
        with torch.inference_mode():
            assert equal(passes(prefix, batches), [model(**batch).logits for batch in batches])
    assert len(scratch.readable()) == 1
    assert scratch.readable()[0].startswith("test model.layers.")


def test_a_score_is_the_same_with_and_without() -> None:
    base, scratch, tokens = Chain().eval(), Scratch(1 << 26), small_tokens(64)
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        prefix = Prefix.of(model, base, inputs(), scratch)
        assert prefix is not None
        alone = evaluate(model, tokens, Classes(), batch_size=8, device="cpu")
        with prefix.over("test") as call:
            found = evaluate(model, tokens, Classes(), batch_size=8, device="cpu", call=call)
        assert found.loss == alone.loss
        assert torch.equal(found.outcomes, alone.outcomes)
    assert len(scratch.readable()) == 1


def test_a_mask_that_changes_the_way_is_found_out() -> None:
    def last(model: Chain, given: list[Tensor]) -> Tensor:
        return given[-1] + given[1] if model.masked else given[-1]

    class Masked(Chain):
        masked = False

        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            self.masked = attention_mask is not None
            return super().forward(input_ids)

    base, scratch = Masked(last).eval(), Scratch(1 << 26)
    batches = [inputs(1), inputs(2), inputs(3) | {"attention_mask": torch.ones(4, 24)}, inputs(4)]
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        prefix = Prefix.of(model, base, inputs(), scratch)
        assert prefix is not None
        counted(model)
        found = passes(prefix, batches)
        assert counted(model)[0] == (4 if layer == "blocks.3.wide" else 3)  # two to compare, the last one whole
        assert equal(found, whole(model, batches))


@pytest.mark.parametrize("how", ["script", "compile"])
def test_a_compiled_part_is_left_alone(how: str) -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.narrow(torch.relu(self.wide(x)))

    base = Chain()
    base.blocks[1] = torch.jit.script(Plain()) if how == "script" else torch.compile(Plain(), backend="eager")
    base.eval()
    assert starts_of(rounded(base, "blocks.3.wide"), base, inputs()) is None


@pytest.mark.parametrize("place", [0, 3])
def test_numbers_that_a_forward_draws_are_those_that_it_draws_alone(place: int) -> None:
    def last(model: Chain, given: list[Tensor]) -> Tensor:
        return given[-1] + torch.rand(1)

    class Drawing(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            hook = self.blocks[place].register_forward_hook(lambda _m, _a, output: output + 0 * torch.rand(1))
            try:
                return super().forward(input_ids)
            finally:
                hook.remove()

    base, scratch = Drawing(last).eval(), Scratch(1 << 26)
    batches = [inputs(seed) for seed in range(3)]
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        torch.manual_seed(7)
        alone = whole(model, batches)
        torch.manual_seed(7)
        if (prefix := Prefix.of(model, base, inputs(), scratch)) is not None:
            assert equal(passes(prefix, batches), alone)


@pytest.mark.parametrize("error", [KeyError, MemoryError])
def test_a_model_that_fails_on_few_samples_is_measured_by_whole_forwards(error: type[Exception]) -> None:
    class Demanding(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            if len(input_ids) < 4:
                raise error
            return super().forward(input_ids)

    base = Demanding().eval()
    assert Prefix.of(rounded(base, "blocks.3.wide"), base, inputs(count=1), Scratch(1 << 20)) is None


def test_outputs_and_modules_that_nothing_can_stand_for_are_left_alone() -> None:
    class Fixed(Block):
        @property
        def forward(self) -> Callable[[Tensor], Tensor]:
            return lambda x: Block.forward(self, x)

    class Sparse(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).flatten(1).to_sparse()

    class Ending(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            x = self.blocks[0](self.first(input_ids))
            x = self.blocks[1](x).to_dense().view(x.shape)
            return self.head(self.blocks[2](x).mean(1))

    for kind in (Fixed, Sparse):
        base, batches = Ending().eval(), [inputs(1), inputs(2)]
        base.blocks[1] = kind().eval()
        for layer in ("blocks.2.wide", "blocks.2.narrow"):
            model = rounded(base, layer)
            if (prefix := Prefix.of(model, base, inputs(), Scratch(1 << 26))) is not None:
                assert equal(passes(prefix, batches), whole(model, batches))


def test_a_few_samples_show_how_a_model_computes() -> None:
    tokens, windows = small_tokens(64), Windows(torch.arange(3000, dtype=torch.int32).reshape(3, 1000))
    (texts,) = [batch.inputs["input_ids"] for batch in tokens.few().batches(16)]
    assert len(texts) == 4
    assert len(small_tokens(2).few()) == 2
    assert torch.equal(windows.few().ids, torch.arange(64, dtype=torch.int32)[None])


def test_what_a_later_batch_needs_of_the_start_is_found_out_there() -> None:
    def last(model: Chain, given: list[Tensor]) -> Tensor:
        return given[-1] + given[1] if bool(given[0][0, 0, 0] == 0) else given[-1]

    class Branching(Chain):
        def __init__(self) -> None:
            super().__init__(last)
            self.first.weight.data[0] = 0

    base, scratch = Branching().eval(), Scratch(1 << 26)
    batches = [inputs(seed) for seed in range(1, 5)]
    for number, batch in enumerate(batches):
        batch["input_ids"][0, 0] = 0 if number == 2 else 1
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        some = inputs(9)
        some["input_ids"][0, 0] = 1
        prefix = Prefix.of(model, base, some, scratch)
        assert prefix is not None
        assert equal(passes(prefix, batches), whole(model, batches))
    assert scratch.readable() == ["test blocks.2"]


@pytest.mark.parametrize("how", ["compared", "indexed", "cast", "branched", "written"])
def test_values_before_the_start_that_a_later_batch_alone_looks_at(how: str) -> None:
    """A comparison, an index or a cast makes an ordinary number of NaN."""

    def last(model: Chain, given: list[Tensor]) -> Tensor:
        largest = given[1].abs().amax((1, 2), keepdim=True)
        if how == "compared":
            return torch.where(largest > 100, -given[-1], given[-1])
        if how == "indexed":
            return given[-1] + torch.cat([torch.full_like(largest, 50.0), largest], 1).argmax(1, keepdim=True) % 2
        if how == "cast":
            return given[-1] + (largest.nan_to_num() / 100).int()
        if how == "branched":
            return -given[-1] if bool((largest > 100).any()) else given[-1]
        limits = torch.zeros(len(largest), 1, 1)
        limits.copy_(largest.nan_to_num() / 100)
        return given[-1] + limits.floor()

    base, scratch = Chain(last).eval(), Scratch(1 << 26)
    base.first.weight.data[39] *= 1e4  # large in one batch
    batches = [{"input_ids": inputs(seed)["input_ids"].clamp(max=38)} for seed in range(5)]
    batches[3]["input_ids"][0, 0] = 39
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        if (prefix := Prefix.of(model, base, batches[4], scratch)) is not None:
            assert equal(passes(prefix, batches), whole(model, batches))


@pytest.mark.parametrize("where", ["module", "elsewhere"])
def test_what_a_module_left_behind_from_the_same_samples_does_not_serve(where: str) -> None:
    """The few samples by which it is tried are the first batch here, so that what they left behind fits that."""
    left: dict[str, Tensor] = {}

    class Leaving(Block):
        def forward(self, x: Tensor) -> Tensor:
            found = super().forward(x)
            (self.__dict__ if where == "module" else left)["features"] = found
            return found

    def last(model: Chain, given: list[Tensor]) -> Tensor:
        return given[-1] + (model.blocks[0].__dict__ if where == "module" else left)["features"]

    base, scratch = Chain(last), Scratch(1 << 26)
    base.blocks[0] = Leaving()
    base.eval()
    batches = [inputs(seed) for seed in range(3)]
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        if (prefix := Prefix.of(model, base, batches[0], scratch)) is not None:
            assert equal(passes(prefix, batches), whole(model, batches))


def test_a_model_that_changes_its_inputs_in_place_is_given_them_anew() -> None:
    class Shifting(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            return super().forward(input_ids.add_(1).remainder_(40))

    base, scratch = Shifting().eval(), Scratch(1 << 26)
    for layer in ("blocks.3.wide", "blocks.3.narrow"):
        model = rounded(base, layer)
        prefix = Prefix.of(model, base, inputs(9), scratch)
        assert prefix is not None
        found = passes(prefix, [inputs(1), inputs(2)])
        assert equal(found, whole(model, [inputs(1), inputs(2)]))


class Counting(Chain):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.times, self.random = 1, torch.Generator()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        found = super().forward(input_ids) * (1 + self.steps) * self.times
        self._step()
        return found

    def _step(self) -> None:
        self.steps += 1


class Replacing(Counting):
    def _step(self) -> None:
        self.steps = self.steps + 1


class Plain(Counting):
    def _step(self) -> None:
        self.times += 1


class Drawing(Counting):
    def _step(self) -> None:
        self.times = 1 + float(torch.rand((), generator=self.random))


@pytest.mark.parametrize("kind", [Counting, Replacing, Plain, Drawing])
def test_a_model_that_its_forward_changes_is_left_as_it_is(kind: type[Counting]) -> None:
    base = kind().eval()
    model = rounded(base, "blocks.3.wide")
    model.random = torch.Generator()
    assert Prefix.of(model, base, inputs(), Scratch(1 << 20)) is None
    assert (float(model.steps), model.times) == (0, 1)
    assert torch.equal(model.random.get_state(), torch.Generator().get_state())


def test_an_output_is_given_with_its_strides() -> None:
    class Turning(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).transpose(1, 2)[:, ::2]

    class Turned(Chain):
        def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
            x = self.blocks[1](self.blocks[0](self.first(input_ids)))
            self.strides = x.stride()
            return self.head(self.blocks[2](x.repeat(1, 2, 1).transpose(1, 2)).mean(1))

    base, scratch, strides = Turned().eval(), Scratch(1 << 26), []
    base.blocks[1] = Turning().eval()
    for layer in ("blocks.2.wide", "blocks.2.narrow"):
        model = rounded(base, layer)
        prefix = Prefix.of(model, base, inputs(), scratch)
        assert prefix is not None
        assert equal(passes(prefix, [inputs(1), inputs(2)]), whole(model, [inputs(1), inputs(2)]))
        strides.append(model.strides)
    assert scratch.readable() == ["test blocks.1"]
    assert strides[0] == strides[1]
