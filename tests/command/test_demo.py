import pytest

from engine.experiments.launch import configure
from tui_app.command.demo import DEMOS, EXPERIMENT


@pytest.mark.parametrize("task", DEMOS)
def test_a_demo_can_be_started(task: str) -> None:
    experiment, config = configure(EXPERIMENT, DEMOS[task].settings)
    assert len(experiment.points(config)) > 1
    experiment.check(config)
    tasks = {"text": "text-classification", "lm": "causal-lm", "vision": "image-classification"}
    assert config.model_dump()["task"] == tasks[task]
