"""What each layer alone loses in each format."""

from engine.experiments.sensitivity.run import EXPERIMENT as EXPERIMENT
