"""A byte-pair tokenizer in the metadata of a GGUF file."""

import json
from collections.abc import Mapping
from typing import Any

from engine.errors import InputError

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS: Mapping[str, str] = {_LLAMA3: "llama-bpe", _LLAMA3.replace("{1,3}", ""): "qwen2"}
"""Patterns that cut text before pairs are joined, and what llama.cpp calls them."""


def add_tokenizer(writer: Any, tokenizer: Any, vocabulary: int) -> None:
    """Adds tokens, their kinds, pairs and special tokens to a `gguf.GGUFWriter`; filled up to the model's vocabulary.

    Raises:
        InputError: no byte-pair tokenizer, or one that cuts text in a way that GGUF has no name for.
    """
    from gguf import TokenType

    backend = getattr(tokenizer, "backend_tokenizer", None)
    found = {} if backend is None else json.loads(backend.to_str())
    model = found.get("model", {})
    name = _name(found.get("pre_tokenizer") or {})
    if model.get("type") != "BPE" or not name:
        raise InputError("the model's tokenizer is not a byte-level BPE of a kind that GGUF has a name for.")
    tokens = {number: token for token, number in model["vocab"].items()}
    kinds = dict.fromkeys(tokens, TokenType.NORMAL)
    for added in found.get("added_tokens", ()):
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
    count = max(vocabulary, max(tokens) + 1)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(name)
    writer.add_token_list([tokens.get(number, f"[PAD{number}]") for number in range(count)])
    writer.add_token_types([kinds.get(number, TokenType.UNUSED) for number in range(count)])
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in model["merges"]])
    for special in ("bos", "eos", "unk", "pad"):
        if (number := getattr(tokenizer, f"{special}_token_id")) is not None:
            getattr(writer, f"add_{special}_token_id")(number)
    writer.add_add_bos_token(bool(getattr(tokenizer, "add_bos_token", False)))
    if isinstance(template := getattr(tokenizer, "chat_template", None), str):
        writer.add_chat_template(template)


def _name(cutting: Mapping[str, Any]) -> str:
    """What llama.cpp calls a way of cutting text; empty where it has no name for it."""
    steps = cutting.get("pretokenizers", [cutting])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"]:
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if kinds == ["Split", "ByteLevel"]:
        return _SPLITS.get(steps[0].get("pattern", {}).get("Regex", ""), "")
    return ""
