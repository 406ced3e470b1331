"""The built-in language model: a byte-pair tokenizer and a small Llama, trained on the generated reviews' text."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engine.models.builtin import LONGEST_WINDOW, data_folder
from engine.models.cache import Progress
from engine.models.corpus import JOINT
from engine.models.pretrained import quiet
from engine.models.texts import load_texts
from engine.training.objective import NextTokens
from engine.training.train import TrainSettings, train
from engine.training.windows import Windows

VOCABULARY = 600
WINDOW = 64
END = "<|endoftext|>"
SETTINGS = TrainSettings(steps=150, batch_size=32, learning_rate=6e-3, schedule="cosine")


def train_language_model(folder: Path, seed: int, progress: Progress | None = None) -> None:
    """Train tokenizer and model on the text of the built-in train set and save both in `folder`."""
    quiet()
    texts = load_texts(str(data_folder(progress)), seed, progress=progress).train.texts
    tokenizer = make_tokenizer(texts)
    ids = torch.tensor(tokenizer(JOINT.join(texts), verbose=False)["input_ids"], dtype=torch.int32)
    windows = Windows(ids[: len(ids) // WINDOW * WINDOW].view(-1, WINDOW))
    model = make_model(len(tokenizer), seed)

    def on_step(step: int, total: int, loss: float) -> None:
        if progress is not None:
            progress(step, total, f"training the built-in language model, loss {loss:.3f}")

    train(model, windows, NextTokens(), SETTINGS, device="cpu", on_step=on_step)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte pairs, with no token that is added by itself."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=sorted(alphabet), show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END, pad_token=END, model_max_length=LONGEST_WINDOW
    )


def make_config(vocabulary: int = VOCABULARY) -> LlamaConfig:
    """Two layers, 128 wide, two groups of keys and values for four heads, input and output table tied."""
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LONGEST_WINDOW,
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=False,
        architectures=["LlamaForCausalLM"],
    )


def make_model(vocabulary: int, seed: int) -> LlamaForCausalLM:
    """The model with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(make_config(vocabulary))
