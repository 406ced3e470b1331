"""A language model of a few thousand weights and texts of its words, made in a moment."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = ("the", "film", "is", "good", "and", "bad", "but", "never", "dull", "because", "its", "people", "speak", "as")


def text(words: int, seed: int) -> str:
    drawn = torch.randint(len(WORDS), (words,), generator=torch.Generator().manual_seed(seed)).tolist()
    return " ".join(WORDS[place] for place in drawn)


def make_llama(folder: Path) -> str:
    """A tiny Llama whose tables of input and output are one tensor."""
    backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.train_from_iterator([text(500, 0)], trainers.WordLevelTrainer(special_tokens=["<unk>"]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token="<unk>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def make_corpus(folder: Path) -> Path:
    """Texts to train, validate and test on."""
    folder.mkdir()
    for split, words, seed in (("train", 400, 1), ("validation", 200, 2), ("test", 203, 3)):
        (folder / f"{split}.txt").write_text(text(words, seed))
    (folder / "README.md").write_text("No set is named after this file.")
    return folder
