import pytest
import torch

from engine.training.samples import count_batches
from engine.training.tokens import Tokens


def make(lengths: list[int]) -> Tokens:
    """Sequence i holds 100 * i + 1, 100 * i + 2, … and has class i % 2."""
    ids = [100 * i + 1 + k for i, length in enumerate(lengths) for k in range(length)]
    offsets = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    labels = [i % 2 for i in range(len(lengths))]
    return Tokens(torch.tensor(ids, dtype=torch.int32), torch.tensor(offsets), torch.tensor(labels))


LENGTHS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]


def sequence(tokens: Tokens, index: int) -> list[int]:
    return tokens.ids[int(tokens.offsets[index]) : int(tokens.offsets[index + 1])].tolist()


def test_a_batch_holds_the_sequences_it_names_and_padding() -> None:
    tokens = make(LENGTHS)
    for seed in (None, 3):
        seen = []
        for batch in tokens.batches(4, shuffle_seed=seed):
            for row, index in enumerate(batch.indices.tolist()):
                wanted = sequence(tokens, index)
                padding = batch.inputs["input_ids"].shape[1] - len(wanted)
                assert batch.inputs["input_ids"][row].tolist() == wanted + [0] * padding
                if (mask := batch.inputs.get("attention_mask")) is not None:
                    assert mask[row].tolist() == [1] * len(wanted) + [0] * padding
                assert int(batch.labels[row]) == index % 2
                seen.append(index)
            lengths = tokens.lengths[batch.indices]
            assert batch.inputs["input_ids"].shape[1] == int(lengths.max())
            assert ("attention_mask" not in batch.inputs) == (int(lengths.min()) == int(lengths.max()))
        assert sorted(seen) == list(range(len(LENGTHS)))


def test_without_a_seed_the_longest_come_first() -> None:
    widths = [batch.inputs["input_ids"].shape[1] for batch in make(LENGTHS).batches(4)]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == count_batches(len(LENGTHS), 4)


def test_a_seed_fixes_the_order_and_another_changes_it() -> None:
    tokens = make(LENGTHS * 10)

    def order(seed: int) -> list[int]:
        return [i for batch in tokens.batches(4, shuffle_seed=seed) for i in batch.indices.tolist()]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_batches_keep_to_a_budget_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.tokens.CPU_TOKENS", 20)
    for batch in make([*LENGTHS, 30]).batches(8, within_cache=True):
        assert batch.inputs["input_ids"].numel() <= 20 or len(batch.labels) == 1


def test_select_takes_sequences_in_the_order_given() -> None:
    tokens = make(LENGTHS)
    chosen = tokens.select([5, 0, 5])
    assert [sequence(chosen, i) for i in range(3)] == [sequence(tokens, i) for i in (5, 0, 5)]
    assert chosen.labels.tolist() == [1, 0, 1]
    assert len(tokens.select([])) == 0
