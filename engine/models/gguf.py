"""GGUF files: read once through transformers into a folder of safetensors that the cache keeps. No torch at import."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from engine.errors import InputError
from engine.models.cache import Progress, cached
from engine.models.gguf_header import MAGIC, read_header
from engine.models.sources import locate
from engine.runtime.home import cache_dir

SUFFIX = ".gguf"
LAYOUT = 1
_SIZES = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
}
_TYPED = 1 << 20  # bytes at the head that a fingerprint takes in beside size and time


def is_gguf(path: Path) -> bool:
    """Whether a path is called a GGUF file."""
    return path.suffix.lower() == SUFFIX


def check_gguf(path: Path, source: str) -> None:
    """Raises InputError where the file is none, or what reads it is not installed."""
    if find_spec("gguf") is None:
        raise InputError(f"{source} is a GGUF file, which the package gguf reads; run: pip install 'labtui[gguf]'.")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(f"{source} does not begin as a GGUF file does; copy it again.")
    try:
        read_header(path)
    except ValueError as error:
        raise InputError(f"the head of {source} cannot be read ({error}); copy it again.") from None


def made_folder(path: Path) -> Path | None:
    """The folder that `folder_of_gguf` has made of a file; None before."""
    folder = cache_dir() / gguf_key(path)
    return folder if folder.is_dir() else None


def folder_of_gguf(path: Path, source: str, progress: Progress | None = None) -> Path:
    """A folder with the model in float32 and its tokenizer, made on first use (a minute for 135 M parameters).

    Raises:
        InputError: the file cannot be read.
    """
    check_gguf(path, source)

    def make(folder: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from engine.models.pretrained import made, quiet

        if progress is not None:
            progress(0, 1, f"reading {path.name}")
        quiet()

        def read() -> None:
            options = {"gguf_file": path.name, "local_files_only": True}
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **options)
            model = AutoModelForCausalLM.from_pretrained(path.parent, dtype="float32", **options)
            model.hf_quantizer = None  # its weights are plain numbers by now, and are to be saved as such
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

        made(source, "a GGUF file", read, here=True)

    return cached(gguf_key(path), make, progress)


def stored_as(source: str) -> str:
    """The types of a GGUF file's tensors, the one of most weights first: `Q4_1, F32`; empty of any other model.

    Formats of as few bits are flattered by them: what is rounded lies on a coarse grid already.
    """
    located = locate(source)
    if located.kind != "local" or not is_gguf(located.path):
        return ""
    from gguf import GGMLQuantizationType

    sizes: dict[int, int] = {}
    for tensor in read_header(located.path).tensors.values():
        sizes[tensor.kind] = sizes.get(tensor.kind, 0) + tensor.elements
    return ", ".join(GGMLQuantizationType(kind).name for kind in sorted(sizes, key=lambda kind: -sizes[kind]))


def context_length(path: Path) -> int | None:
    """How many tokens the model of a GGUF file takes at most; None where it does not say."""
    return read_header(path).of_model("context_length")


def facts_of_gguf(path: Path) -> dict[str, int]:
    """The sizes that a file states of its model, by their names in a config.json."""
    header = read_header(path)
    sizes = {name: value for name, key in _SIZES.items() if (value := header.of_model(key)) is not None}
    words = header.fields.get("tokenizer.ggml.tokens")
    return sizes | ({"vocab_size": words} if isinstance(words, int) else {})


def gguf_key(path: Path) -> str:
    """Where what is made of a file lies in the cache: the same for a file that has not changed."""
    facts = path.stat()
    with path.open("rb") as file:
        head = file.read(_TYPED)
    digest = hashlib.blake2b(f"{LAYOUT} {facts.st_size} {facts.st_mtime_ns}".encode() + head, digest_size=16)
    return f"gguf/{digest.hexdigest()}"
