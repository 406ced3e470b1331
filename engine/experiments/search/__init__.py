"""Searches over architectures, layers, training and compression."""

from engine.experiments.search.run import EXPERIMENT as EXPERIMENT
