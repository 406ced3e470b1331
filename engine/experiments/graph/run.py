"""Capture a model as a graph: one point for each set of inputs; passes over it; what differs between the captures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from engine.experiments.api import Experiment, Listing
from engine.experiments.graph.findings import findings
from engine.experiments.graph.measures import GraphParams, GraphResult, Passed
from engine.experiments.graph.report import AFTER, CAPTURED, figures, listings
from engine.experiments.graph.words import sentence
from engine.experiments.shared.python_files import hold_to_file
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord

if TYPE_CHECKING:
    from engine.graph.capture import Program
    from engine.graph.record import Graph
from engine.experiments.graph.config import GraphConfig


class GraphExperiment(Experiment[GraphConfig, GraphParams, GraphResult]):
    """The experiment `graph`."""

    name = "graph"
    title = "Graph"
    summary = "A model's graph: operators, parameters, FLOPs, dropout; passes over it; what inputs change."
    Config = GraphConfig
    Params = GraphParams
    Result = GraphResult
    shown = (
        "inputs",
        "operators",
        "parameters",
        "flops",
        "weight_bytes",
        "output_bytes",
        "dropouts",
        "attention_dropouts",
        "difference",
        "seconds",
        "title",
    )
    copies = 0
    pace = ("model", "inputs", "passes", "mode", "attention")
    warm = (
        "torch",
        "torch.export",
        "torch.fx.experimental.symbolic_shapes",
        "torch.fx.passes.dialect.common.cse_pass",
        "torch.utils.flop_counter",
        "transformers.models.bert.modeling_bert",
        "engine.graph.check",
    )

    def label(self, config: GraphConfig) -> str:
        """Model, and what it is compared with or changed by."""
        models = " and ".join(Path(model).name for model in (config.model, config.against) if model)
        return " ".join((models, "graph", *config.passes))

    def points(self, config: GraphConfig) -> Sequence[Mapping[str, Any]]:
        """One capture for each set of inputs, of each model."""
        return [
            GraphParams(model=model, inputs=inputs).to_record()
            for model in dict.fromkeys((config.model, config.against))
            if model
            for inputs in config.sets(model)
        ]

    def check(self, config: GraphConfig) -> list[str]:
        """Raises InputError where a model is not there."""
        from engine.models.check import check_body

        return [said for model in (config.model, config.against) if model for said in check_body(model)]

    def run(self, config: GraphConfig, points: Sequence[Point], context: Context) -> None:
        """Captures, reads the weights, applies the passes one after the other and compares after each."""
        for point in points:
            _Task(config, point, context).run()

    def figures(self, config: GraphConfig, run: RunRecord) -> Sequence[Figure]:
        """The histogram of operators."""
        return figures(run, self.read(config, run))

    def listings(self, config: GraphConfig, run: RunRecord) -> Sequence[Listing]:
        """What differs between the captures, the passes, and every analysis."""
        return listings(run, self.read(config, run))

    def findings(self, config: GraphConfig, run: RunRecord) -> Sequence[str]:
        """Where values are dropped, what the passes did, why the captures differ."""
        return [sentence(one) for one in findings(run, self.read(config, run))]


@dataclass
class _Task:
    config: GraphConfig
    point: Point
    context: Context
    done: int = 0
    notes: list[str] = field(default_factory=list)

    def run(self) -> None:
        from engine.errors import InputError
        from engine.graph.analyses import summary
        from engine.graph.capture import capture
        from engine.graph.inputs import AUTO
        from engine.graph.subjects import subject
        from engine.graph.transforms import with_weights

        config, params = self.config, GraphParams.from_record(self.point.params)
        self._step("capturing")
        began = perf_counter()
        hold_to_file(self.context, params.model)
        model = subject(params.model, config.attention, lambda *step: self.context.progress(self.point.index, *step))
        sizes = {"batch": config.batch, "sequence": config.sequence}
        inputs = None if params.inputs == AUTO else params.inputs.split(",")
        program = capture(model, inputs, mode=config.mode, sizes=sizes)
        seconds = perf_counter() - began
        if not program.graph.problem:
            self._step("reading weights")
            try:
                program = with_weights(program)
            except InputError as error:
                if config.passes:
                    raise
                self.notes.append(f"The weights' ranges are not known: {error}")
        passes, after = self._passes(program)
        result = GraphResult(
            title=program.graph.title,
            model_class=program.graph.model,
            **summary(program.graph),
            seconds=seconds,
            problem=program.graph.problem,
            notes=(*program.graph.notes, *self.notes),
            passes=passes,
            difference=passes[-1].difference if passes else None,
            graph=self._keep(program.graph, CAPTURED),
            after=self._keep(after.graph, AFTER) if passes else None,
        )
        self.context.finish(self.point.index, result.to_record())

    def _passes(self, program: "Program") -> "tuple[tuple[Passed, ...], Program]":
        from engine.graph.check import check
        from engine.graph.transforms import apply

        rows = []
        for text in self.config.passes if not program.graph.problem else ():
            self._step(text)
            before, program = program, apply(program, text)
            found = check(program, self.config.seed)
            rows.append(
                Passed(
                    name=text,
                    before=len(before.graph.operators),
                    after=len(program.graph.operators),
                    difference=found.difference,
                    found=found.sentence,
                )
            )
        return tuple(rows), program

    def _keep(self, graph: "Graph", name: str) -> str:
        import json

        from engine.runtime.files import write_durably

        path = self.context.point_artifact(self.point.index, name)
        text = json.dumps(graph.as_dict())
        write_durably(path, lambda partial: Path(partial).write_text(text, encoding="utf-8"))
        return str(path.relative_to(self.context.directory))

    def _step(self, text: str) -> None:
        self.context.progress(self.point.index, self.done, 2 + len(self.config.passes), text)
        self.done += 1


EXPERIMENT = GraphExperiment()
