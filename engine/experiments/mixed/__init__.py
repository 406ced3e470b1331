"""A format for every layer, found by search."""

from engine.experiments.mixed.run import EXPERIMENT as EXPERIMENT
