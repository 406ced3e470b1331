"""What a compressed model is on disk: a manifest of typed records, and the weights, packed."""

from engine.store.folder import load, packed_parameters, save

__all__ = ["load", "packed_parameters", "save"]
