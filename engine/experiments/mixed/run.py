"""A format for every layer: each takes full precision or a format of one family, or of all. Embeddings are left out."""

from collections.abc import Sequence
from dataclasses import replace

from engine.errors import InputError
from engine.experiments.api import Listing
from engine.experiments.mixed import report as mixed_reading
from engine.experiments.mixed.config import MixedConfig, layers_of
from engine.experiments.mixed.findings import findings
from engine.experiments.mixed.measures import MixedResult
from engine.experiments.mixed.warm_start import first_trials, pinned_table
from engine.experiments.mixed.words import sentence
from engine.experiments.shared import covered, trials_findings, trials_words
from engine.experiments.shared import trials_report as reading
from engine.experiments.shared.measured import QuantizedLayer
from engine.experiments.shared.quantizing import WARM_FORMATS
from engine.experiments.shared.searching import Searching, kept, validated
from engine.experiments.shared.workbench import WARM, Report, Workbench
from engine.figures.figure import Figure
from engine.figures.units import in_bytes
from engine.formats.registry import FULL
from engine.runtime.context import Point
from engine.runtime.records import RunRecord
from engine.search.samplers import check_sampler, startup_of
from engine.search.series import Series
from engine.search.space import Space


class Mixed(Searching[MixedConfig, MixedResult]):
    """The experiment `mixed`."""

    name = "mixed"
    title = "Mixed precision"
    summary = "A format for every layer, found by search: one curve for each family of formats."
    Config = MixedConfig
    Result = MixedResult
    shown = ("family", "trial", "validation", "bits", "bytes", "seed", "score", "delta", "mix", "covered")
    pace = ("model", "data", "max_length", "window", "batch_size", "eval_samples")
    warm = (*WARM, *WARM_FORMATS, "engine.formats.kernels.blocks", "engine.formats.kernels.rows")

    def label(self, config: MixedConfig) -> str:
        """Model, and what its layers choose from."""
        return f"{config.model_name} mixed {' '.join(config.families)}"

    def series(self, config: MixedConfig) -> list[Series]:
        """A series for each family and seed; all samplers with the same seeds."""
        names = layers_of(config)
        spaces, first = {}, {}
        for family, menu in config.offers.items():
            spaces[family] = Space(tuple(dimension for layer in names for dimension in menu.dimensions(layer)))
            first[family] = first_trials(config.sensitivity, menu, names) if config.sensitivity else ()
        return [
            Series(
                labels={"family": family, "seed": seed},
                sampler=config.sampler,
                space=space,
                seed=config.seed * 1009 + seed,
                goals=config.goals,
                constraints=config.limits,
                first=first[family],
                startup=startup_of(config.trials),
            )
            for seed in range(config.seeds)
            for family, space in spaces.items()
        ]

    def check(self, config: MixedConfig) -> list[str]:
        """Raises InputError where model, data, layers or the sensitivity run cannot be used."""
        from engine.models.coverage import touched
        from engine.models.layer_names import check_layers, look_up_layers

        said = config.check_sources()
        look_up_layers(config.model)
        check_layers(config.model, config.layers, config.skip)
        names = layers_of(config)
        if not names:
            raise InputError(f"no layer of {config.model} but embeddings is left to choose a format for: include more.")
        if config.sensitivity:
            pinned_table(config.sensitivity, names)
        for one in self.series(config):
            check_sampler(one.sampler, one.space, len(one.goals), bool(one.constraints))
        for limit in config.limits:
            least = mixed_reading.least_bytes(config.model, names)
            if limit.key == "bytes" and limit.sign > 0 and limit.bound < least:
                raise InputError(
                    f"no trial can keep {limit.text}: what has no format to choose takes {in_bytes(least)}; raise it."
                )
        return [*said, *touched(config.model, config.layers, config.skip, tables=False)]

    def trial(self, config: MixedConfig, point: Point, bench: Workbench, report: Report) -> None:
        """Quantises as the trial says, measures on validation data, writes the file."""
        from engine.compress import LayerFormats, layer_report, summarize
        from engine.experiments.shared.quantizing import Rounding, quantized
        from engine.layers import share_of

        menu = config.offers[point.params["family"]]
        formats = {layer: menu.spec(layer, point.params) for layer in layers_of(config)}
        inputs = formats if config.activations else None
        methods = {layer: menu.method(layer, point.params) for layer, spec in formats.items() if spec != FULL}
        chosen = LayerFormats(formats, inputs, formats, include=tuple(formats), input_range=config.input_range)
        model = quantized(bench, chosen, shared=True, by=Rounding(bench, point.index, methods))
        layers = layer_report(model)
        total = summarize(layers)
        result = MixedResult(
            judged=validated(bench, model, report),
            sqnr_db=total["sqnr_db"],
            bits=mixed_reading.average_bits(model, formats),
            zeros=total["zeros"] or 0.0,
            saturated=total["saturated"] or 0.0,
            covered=share_of(bench.subject.model, [layer.name for layer in layers]),
            mix=mixed_reading.in_words(formats, methods),
            formats=formats,
            methods=methods if len(config.methods) > 1 else None,
            layers=tuple(QuantizedLayer.from_record(layer.as_dict()) for layer in layers),
        ).to_record(bench.metric)
        subject = replace(bench.subject, model=model)
        bench.context.finish(point.index, kept(bench, subject, point, result, config.limits))

    def figures(self, config: MixedConfig, run: RunRecord) -> Sequence[Figure]:
        """Best so far against trials, the same near the best, accuracy against bits or bytes, importances."""
        progress, best = reading.progress_figure(config.sought, run), self.best(config, run)
        keys = dict.fromkeys((config.against, "bytes"))
        drawn = [progress, mixed_reading.zoomed(progress, config.metric)]
        drawn += [reading.trade_figure(config.sought, run, key, best) for key in keys if key != "none"]
        drawn.append(reading.importance_figure(run))
        return [figure for figure in drawn if figure.series]

    def listings(self, config: MixedConfig, run: RunRecord) -> Sequence[Listing]:
        """The map of layers and formats first."""
        return [*mixed_reading.listings(config.sought, run), *reading.listings(config.sought, run)]

    def findings(self, config: MixedConfig, run: RunRecord) -> Sequence[str]:
        """Which family is ahead, what was chosen, and what it costs."""
        said = [trials_words.sentence(one, config.metric) for one in trials_findings.findings(config.sought, run)]
        said += [sentence(one) for one in findings(config.sought, run)]
        return [*said, *covered.findings(run)]


EXPERIMENT = Mixed()
