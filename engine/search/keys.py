"""The params of a trial that are not of its space: what tells its curve apart, its number, and where it is from."""

LABELS = ("family", "sampler", "mode")
"""Curves differ in these."""
SEED, TRIAL = "seed", "trial"
GIVEN = "given"
"""Of trials that no sampler proposed; it says who did."""
STAGE, CHOSEN = "stage", "chosen"
"""Of the point that measures the chosen trial on the test set: its index."""
RESERVED = frozenset((*LABELS, SEED, TRIAL, GIVEN, STAGE, CHOSEN))
