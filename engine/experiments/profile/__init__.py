"""Why it is not faster, or not smaller."""

from engine.experiments.profile.run import EXPERIMENT as EXPERIMENT
