"""Captures of a model as a graph."""

from engine.experiments.graph.run import EXPERIMENT as EXPERIMENT
