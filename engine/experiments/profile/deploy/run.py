"""A model on the engines that are installed: points, and what is read out of a run."""

from collections.abc import Sequence

from engine.experiments.api import Listing
from engine.experiments.profile.deploy.config import DeployConfig
from engine.experiments.profile.deploy.findings import findings
from engine.experiments.profile.deploy.measures import MACHINE, DeployParams, DeployPoint, DeployResult, Reached
from engine.experiments.profile.deploy.report import figures, listings
from engine.experiments.profile.deploy.words import sentence
from engine.experiments.profile.fields import short
from engine.experiments.profile.study import Study, check_model, named
from engine.experiments.recorded import typed_points
from engine.experiments.shared.config import TaskConfig
from engine.experiments.shared.finding import Finding
from engine.figures.figure import Figure
from engine.runtime import devices
from engine.runtime.context import Context
from engine.runtime.records import RunRecord
from engine.tasks.kinds import metric_of, task_of
from engine.tasks.metric import Metric


class Deploy(Study[DeployConfig, DeployParams, DeployResult]):
    """The study `deploy`."""

    name = "deploy"
    title = "Deploy"
    summary = "Which engine computes a model fastest, and why another is not faster."
    Config = DeployConfig
    Params = DeployParams
    Result = DeployResult
    shown = ("what", "batch", "time", "against", "speedup", "first_call", "bytes", "difference", "tokens")

    def subjects(self, config: DeployConfig) -> Sequence[str]:
        """The model."""
        return (short(config.model),)

    def model(self, config: DeployConfig) -> str:
        """The one that all engines compute."""
        return config.model

    def metric(self, result: DeployResult) -> Metric:
        """That of its task."""
        return metric_of({"task": result.task})

    def asked(self, config: DeployConfig) -> Sequence[DeployParams]:
        """Each engine at each batch size and length; without engines named, those that are installed."""
        from engine.profiling.engines import usable

        chosen = config.engines or usable(_device(config))
        return [
            DeployParams(what=name, engine=name, subject=config.model, batch=batch, sequence=length)
            for length in config.sequences or (None,)
            for batch in config.batch_sizes
            for name in chosen
        ]

    def check(self, config: DeployConfig) -> Sequence[str]:
        """Raises InputError where the model or an engine is missing, or the data do not fit the model."""
        from engine.profiling.compilers import check_compiler
        from engine.profiling.engines import ENGINES

        said = check_model(config.model)
        for name in config.engines:
            ENGINES[name].check(_device(config))
        if "compiled" in config.engines or not config.engines:
            check_compiler(config.device)
        if config.data:
            scored(config, 1, None).check_sources()
        return said

    def measure(self, config: DeployConfig, point: int, params: DeployParams, context: Context) -> DeployResult:
        """Builds the engine, times it beside eager torch, and scores it where there are data."""
        from engine.experiments.profile.deploy.point import measure

        data = scored(config, params.batch, params.sequence)
        return measure(data, point, params, context, repeats=config.repeats, score=bool(config.data))

    def read(self, config: DeployConfig, run: RunRecord) -> list[DeployPoint]:
        """The points, with scores by the metric of the task that they recorded."""
        task = next((point.result["task"] for point in run.finished if point.result and "task" in point.result), None)
        return typed_points(run.points, DeployParams, DeployResult, metric_of({"task": task}))

    def figures(self, config: DeployConfig, run: RunRecord) -> Sequence[Figure]:
        """The score against the latency, then the time of a call on each engine."""
        return figures(named(self.read(config, run)))

    def listings(self, config: DeployConfig, run: RunRecord) -> Sequence[Listing]:
        """Every number of every engine."""
        return listings(named(self.read(config, run)))

    def found(self, points: Sequence[DeployPoint], run: RunRecord) -> Sequence[Finding]:
        """How fast each engine is, and of each that is not faster why not."""
        noted = run.notes.get(MACHINE)
        return findings(named(points), Reached.from_record(noted)) if noted else ()

    def sentence(self, one: Finding) -> str:
        """In words."""
        return sentence(one)


def _device(config: DeployConfig) -> str:
    return "cpu" if devices.CPU in devices.resolve(config.device) else "cuda"


def scored(config: DeployConfig, batch: int, sequence: int | None) -> TaskConfig:
    """Model and data as an experiment on scores takes them."""
    task = task_of(config.model)
    lengths = {} if sequence is None else {"window": sequence} if task == "causal-lm" else {"max_length": sequence}
    return TaskConfig(
        model=config.model,
        data=config.data or "builtin",
        task=task,
        seed=config.seed,
        device=config.device,
        batch_size=batch,
        eval_samples=config.eval_samples,
        **lengths,
    )


STUDY = Deploy()
