"""Search architectures, layers, training and compression with Optuna's samplers."""

from collections.abc import Sequence
from typing import Any

from engine.experiments.api import Listing
from engine.experiments.search import architecture
from engine.experiments.search.config import SearchConfig, searched
from engine.experiments.search.findings import IDLE, NOTE, unused
from engine.experiments.search.measures import SearchResult
from engine.experiments.search.words import sentence
from engine.experiments.shared import covered, trials_findings, trials_words
from engine.experiments.shared import trials_report as reading
from engine.experiments.shared.quantizing import WARM_FORMATS
from engine.experiments.shared.searching import Searching
from engine.experiments.shared.workbench import WARM, Report, Workbench
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord
from engine.search.samplers import check_sampler, startup_of
from engine.search.series import Series
from engine.search.space_text import AUTO, write_space
from engine.tasks.kinds import DEFAULT, LAYERS


class Search(Searching[SearchConfig, SearchResult]):
    """The experiment `search`."""

    name = "search"
    title = "Search"
    summary = "Search architectures, layers, training and compression: best so far by sampler and mode."
    Config = SearchConfig
    Result = SearchResult
    shown = (
        "sampler",
        "mode",
        "trial",
        "validation",
        "parameters",
        "bytes",
        "blocks",
        "seed",
        "score",
        "delta",
        "setting",
        "covered",
    )
    pace = (
        "mode",
        "model",
        "data",
        "max_length",
        "window",
        "batch_size",
        "eval_samples",
        "steps",
        "tune_steps",
        "space",
    )
    warm = (*WARM, *WARM_FORMATS, "engine.compress.prune", "engine.training.train")

    def label(self, config: SearchConfig) -> str:
        """Model, samplers and modes."""
        return f"{config.model_name} search {'+'.join(config.samplers)} {'+'.join(config.modes)}"

    def series(self, config: SearchConfig) -> list[Series]:
        """A series for each sampler, mode and seed; all samplers with the same seeds."""
        return [
            Series(
                labels={"sampler": sampler, "mode": mode, "seed": seed},
                sampler=sampler,
                space=searched(config, mode),
                seed=config.seed * 1009 + seed,
                goals=config.goals,
                constraints=config.limits,
                pruner=config.pruner,
                reports=config.reports,
                startup=startup_of(config.trials),
            )
            for seed in range(config.seeds)
            for mode in config.modes
            for sampler in config.samplers
        ]

    def check(self, config: SearchConfig) -> list[str]:
        """Raises InputError where model, data or space cannot be used."""
        from engine.models.coverage import touched
        from engine.models.fields import check_fields

        said = config.check_sources()
        space = config.written
        values = ((one.name, value) for one in space.dimensions for value in architecture.named_values(one.domain))
        check_fields(config.model, [(name, value) for name, value in values if name in architecture.fields_of(space)])
        for one in self.series(config):
            check_sampler(one.sampler, one.space, len(one.goals), bool(one.constraints))
        if any(one.key in ("bytes", "parameters") and one.sign > 0 for one in config.limits):
            from engine.experiments.search.bounds import check_bounds

            check_bounds(
                config.model,
                config.task,
                [searched(config, mode) for mode in config.modes],
                config.modes,
                config.limits,
            )
        if config.space == AUTO:
            said.append(f"the space is {write_space(config.written)}")
        if set(config.modes) - {"plain"}:
            said += touched(config.model, LAYERS.get(config.task, LAYERS[DEFAULT]))
        return said

    def trial(self, config: SearchConfig, point: Point, bench: Workbench, report: Report) -> None:
        """Builds, trains, compresses as the mode says, measures on validation data, writes the file."""
        from engine.experiments.search.trial import run_trial

        series = next(one for one in self.series(config) if one.owns(point.params))
        run_trial(config, series, point, bench, report)

    def run(self, config: SearchConfig, points: Sequence[Point], context: Context) -> None:
        """Notes first which dimensions change nothing, then as every search."""
        bench = Workbench(config, context, lambda *_: None)

        def looked_at() -> dict[str, Any]:
            _ = bench.splits  # a module of a Python file is known by its data to take what they hold
            return {IDLE: architecture.idle_dimensions(bench.subject, searched(config, config.modes[-1]))}

        context.once(NOTE, looked_at)
        super().run(config, points, context)

    def figures(self, config: SearchConfig, run: RunRecord) -> Sequence[Figure]:
        """Best so far against trials, the trade-off, importances."""
        best = self.best(config, run)
        keys = dict.fromkeys(("bytes", config.against))
        drawn = [reading.progress_figure(config.sought, run)]
        drawn += [reading.trade_figure(config.sought, run, key, best) for key in keys if key != "none"]
        drawn.append(reading.importance_figure(run))
        return [figure for figure in drawn if figure.series]

    def listings(self, config: SearchConfig, run: RunRecord) -> Sequence[Listing]:
        """Curves and importances."""
        return reading.listings(config.sought, run)

    def findings(self, config: SearchConfig, run: RunRecord) -> Sequence[str]:
        """Which curve is ahead, what was chosen, and what in the space changes nothing."""
        metric = config.metric
        said = [trials_words.sentence(one, metric) for one in trials_findings.findings(config.sought, run)]
        said += [sentence(one) for one in unused(run, metric)]
        return [*said, *covered.findings(run)]


EXPERIMENT = Search()
