"""A trial of a search of architectures in a line; curves and tables are those of every search."""

from engine.experiments.search import architecture
from engine.runtime.records import Params
from engine.search.keys import RESERVED


def setting(params: Params) -> str:
    """A trial's parameters in a line."""
    named = {key: value for key, value in params.items() if key not in RESERVED}
    skipped = [key.removeprefix(architecture.SKIP) for key, value in named.items() if value == architecture.IDENTITY]
    plain = [
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in named.items()
        if not key.startswith(architecture.SKIP)
    ]
    return ", ".join(plain + ([f"without {', '.join(skipped)}"] if skipped else []))
