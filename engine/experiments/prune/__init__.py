"""Sweeps of sparsity."""

from engine.experiments.prune.run import EXPERIMENT as EXPERIMENT
