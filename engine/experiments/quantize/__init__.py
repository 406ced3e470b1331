"""Sweeps of number formats."""

from engine.experiments.quantize.run import EXPERIMENT as EXPERIMENT
