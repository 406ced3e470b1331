"""A long text in parts: the tokens of the whole, whatever the tokenizer."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from engine.models.long_text import token_ids

WORDS = [
    *("the", "a", "film", "was", "Never", "seen,", "so-called", "'good'", "1,234.5", "don't", "we'll", "= = Title = ="),
    *("naïve", "Straße", "東京", "は", "🙂👩\u200d🚀", "e\u0301", "…", "\t\t", "\n\n\n"),
]


def text_of(words: int, seed: int) -> str:
    dice = random.Random(seed)
    return "".join(dice.choice(WORDS) + dice.choice([" ", " ", " ", "  ", "\n", "\n\n", ""]) for _ in range(words))


def byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        [text_of(2_000, 1)],
        trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False),
    )
    return made


def metaspace() -> Tokenizer:
    """As Llama's: the whole text is one word, and a token begins it."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    named = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=named, max_token_length=12, show_progress=False)
    made.train_from_iterator(text_of(2_000, 1).split("\n"), trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", made.token_to_id("<s>")), ("</s>", made.token_to_id("</s>"))]
    )
    return made


def word_piece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    made.train_from_iterator([text_of(2_000, 1)], trainer)
    made.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return made


def unigram() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    made.train_from_iterator([text_of(2_000, 1)], trainer)
    return made


class Counting:
    """A tokenizer that keeps how long the texts were that it was given."""

    is_fast = True

    def __init__(self, tokenizer: Any):
        self.tokenizer, self.lengths = tokenizer, list[int]()

    def __call__(self, text: str, **options: Any) -> Any:
        self.lengths.append(len(text))
        return self.tokenizer(text, **options)


@pytest.mark.parametrize("make", [byte_level, metaspace, word_piece, unigram])
def test_parts_give_the_tokens_of_the_whole(make: Callable[[], Tokenizer]) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make())
    for seed in range(8):
        text = text_of(1_500, 100 + seed)
        counting = Counting(tokenizer)
        found = token_ids(counting, text, part=700 + 13 * seed, overlap=400)
        assert np.array_equal(found, tokenizer(text, verbose=False)["input_ids"])
        assert max(counting.lengths) < 2_000 < len(text)


def test_parts_that_do_not_agree_are_not_joined() -> None:
    """Every token of a text is another where the text begins elsewhere."""

    class Shifting:
        is_fast = True

        def __call__(self, text: str, **_: Any) -> Any:
            places = [(start, min(start + 3, len(text))) for start in range(0, len(text), 3)]
            ids = [len(text) % 7 + place % 5 for place, _ in enumerate(places)]
            return {"input_ids": ids, "offset_mapping": places, "special_tokens_mask": [0] * len(places)}

    text = text_of(400, 3)
    assert np.array_equal(token_ids(Shifting(), text, part=500, overlap=100), Shifting()(text)["input_ids"])


def test_a_tokenizer_that_does_not_say_where_tokens_lie_is_given_the_whole() -> None:
    class Slow:
        is_fast = False

        def __call__(self, text: str, verbose: bool) -> Any:
            return {"input_ids": [ord(letter) for letter in text]}

    assert token_ids(Slow(), "abc" * 100, part=10, overlap=5).tolist() == [ord(letter) for letter in "abc" * 100]
