"""What a compressed model is on disk: a manifest of typed records, and the weights, packed."""

from engine.store.folder import load, save

__all__ = ["load", "save"]
