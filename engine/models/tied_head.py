"""The head of a language model that shares its weight with the table of words: headers name the table alone."""

from collections.abc import Mapping

from engine.layers import LINEAR, Layer
from engine.models.facts import facts_in
from engine.models.weights import folder_of

HEAD = "lm_head"
"""What causal language models of transformers call it; those that call it otherwise have no entry here."""
_ARCHITECTURES = ("ForCausalLM", "LMHeadModel")


def tied_table(source: str, layers: Mapping[str, Layer]) -> str | None:
    """The table whose weight the head is too, among the layers that headers name; None where there is none, or where
    the files do not tell.
    """
    folder = folder_of(source)
    if folder is None or not (path := folder / "config.json").is_file():
        return None
    facts = facts_in(path, source)
    named, words = facts.get("architectures"), facts.get("vocab_size")
    if not isinstance(named, list) or not any(str(one).endswith(_ARCHITECTURES) for one in named):
        return None
    as_many = {name: layer for name, layer in layers.items() if layer.shape[:1] == (words,)}
    if any(layer.kind is LINEAR for layer in as_many.values()):
        return None
    return next((name for name, layer in as_many.items() if layer.kind.table), None)
