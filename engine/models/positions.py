"""How many tokens a model can really take: tables of positions may begin beyond their first row."""

import re
from typing import Any

from torch import nn

from engine.errors import InputError

_TABLE = re.compile(r"(?:^|[._])(?:position_embeddings?|embed_positions|wpe|position_embed)$")


def longest_input(model: Any) -> int | None:
    """The tokens that a model takes at most, special ones included; None where nothing bounds them.

    What its config says, and what its table of positions has room for: RoBERTa and its relatives count positions from
    the padding token's id on, OPT and BART keep an offset.
    """
    limits = [_rows(module) for name, module in model.named_modules() if _TABLE.search(name) and _is_table(module)]
    said = getattr(model.config, "max_position_embeddings", None)
    limits += [said] if isinstance(said, int) and said > 0 else []
    return min(limits, default=None)


def check_ids(largest: int, model: Any, source: str) -> None:
    """Raises InputError where a tokenizer gives an id that the model's table of words has no row for."""
    table = model.get_input_embeddings()
    rows = getattr(table, "num_embeddings", None)
    if isinstance(rows, int) and largest >= rows:
        raise InputError(
            f"the tokenizer of {source} gives the token {largest:,}, and the model knows {rows:,}: they belong to "
            "different models; copy the tokenizer that was saved with the model."
        )


def _is_table(module: nn.Module) -> bool:
    return isinstance(module, nn.Embedding)


def _rows(table: Any) -> int:
    first = getattr(table, "offset", None)
    if first is None:
        first = 0 if table.padding_idx is None else table.padding_idx + 1
    return int(table.num_embeddings) - int(first)
