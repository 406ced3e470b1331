"""Training a model on, all of it or through LoRA."""

from engine.experiments.finetune.run import EXPERIMENT as EXPERIMENT
