"""Capture a model as a graph: one point for each set of inputs; passes over it; what differs between the captures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from engine.experiments.base import Column, Experiment, ExperimentConfig, Listing
from engine.experiments.parts.fields import Words
from engine.experiments.parts.graph_tables import AFTER, CAPTURED, figures, findings, listings
from engine.figures.figure import Figure
from engine.graph.inputs import check_inputs
from engine.graph.passes import parse_pass
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

if TYPE_CHECKING:
    from engine.graph.capture import Program
    from engine.graph.record import Graph


class GraphConfig(ExperimentConfig):
    """Which model, with which inputs, and what is done to the captured graph."""

    device: str = Field("cpu", title="Device", description="Captures need no GPU: the CPU is enough.")
    model: str = Field("builtin", title="Model", description="A folder, a Hugging Face id, run:NAME or builtin.")
    inputs: str = Field(
        "input_ids,attention_mask,labels; input_ids,attention_mask; input_ids",
        title="Inputs",
        description="Sets of inputs, a capture each: input_ids,labels; input_ids.",
    )
    against: str = Field("", title="Against", description="Another model to capture and to compare with.")
    passes: Words = Field(
        (), title="Passes", description="Transforms in order: remove_dropout, quantize_linear(fixed(8))."
    )
    mode: Literal["train", "eval"] = Field(
        "train", title="Mode", description="In eval mode export switches dropout off, or leaves it out."
    )
    attention: Literal["auto", "sdpa", "eager"] = Field(
        "auto", title="Attention", description="Fused (sdpa), step by step (eager), or as the model has it."
    )
    batch: int = Field(1, ge=1, le=65536, title="Batch", description="Texts that FLOPs and bytes are worked out for.")
    sequence: int = Field(128, ge=1, le=1 << 20, title="Sequence", description="Tokens per text, likewise.")

    @field_validator("model", "against")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """What is here is named so that the run finds it wherever it is resumed from."""
        path = Path(value).expanduser()
        return str(path.absolute()) if value.strip() and path.exists() else value.strip()

    @field_validator("inputs")
    @classmethod
    def _known_inputs(cls, value: str) -> str:
        sets = [
            names for text in value.split(";") if (names := [name.strip() for name in text.split(",") if name.strip()])
        ]
        for names in sets or [[]]:
            check_inputs(names)
        return "; ".join(dict.fromkeys(",".join(dict.fromkeys(names)) for names in sets))

    @field_validator("passes")
    @classmethod
    def _known_passes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from engine.formats.spec import parse_spec

        for text in value:
            found, arguments = parse_pass(text)
            if "format" in found.takes:
                parse_spec(arguments[found.takes.index("format")])
        return value

    @property
    def sets(self) -> list[str]:
        """The sets of inputs, each as `input_ids,labels`."""
        return self.inputs.split("; ")


class GraphExperiment(Experiment):
    """The experiment `graph`."""

    name = "graph"
    title = "Graph"
    summary = "A model's graph: operators, parameters, FLOPs, dropout; passes over it; what inputs change."
    Config = GraphConfig
    columns = (
        Column("inputs", "Inputs"),
        Column("operators", "Operators", "number"),
        Column("parameters", "Params", "number"),
        Column("flops", "FLOPs", "number"),
        Column("weight_bytes", "Weights", "bytes"),
        Column("output_bytes", "Outputs", "bytes"),
        Column("dropouts", "Dropout", "number"),
        Column("attention_dropouts", "in attn.", "number"),
        Column("difference", "Max diff.", "number"),
        Column("seconds", "Capture", "seconds"),
        Column("title", "Model"),
    )
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

    def points(self, config: GraphConfig) -> Sequence[Params]:
        """One capture for each set of inputs, of each model."""
        return [
            {"model": model, "inputs": inputs}
            for model in dict.fromkeys((config.model, config.against))
            if model
            for inputs in config.sets
        ]

    def check(self, config: GraphConfig) -> None:
        """Raises InputError where a model is not there."""
        from engine.models.sources import locate

        for model in filter(None, (config.model, config.against)):
            locate(model)

    def run(self, config: GraphConfig, points: Sequence[Point], context: Context) -> None:
        """Captures, reads the weights, applies the passes one after the other and compares after each."""
        for point in points:
            _Task(config, point, context).run()

    def figures(self, config: GraphConfig, run: RunRecord) -> Sequence[Figure]:
        """The histogram of operators."""
        return figures(run)

    def listings(self, config: GraphConfig, run: RunRecord) -> Sequence[Listing]:
        """What differs between the captures, the passes, and every analysis."""
        return listings(run)

    def findings(self, config: GraphConfig, run: RunRecord) -> Sequence[str]:
        """Where values are dropped, what the passes did, why the captures differ."""
        return findings(run)


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
        from engine.graph.sources import subject
        from engine.graph.transforms import with_weights

        config, params = self.config, self.point.params
        self._step("capturing")
        began = perf_counter()
        model = subject(params["model"], config.attention, lambda *step: self.context.progress(self.point.index, *step))
        sizes = {"batch": config.batch, "sequence": config.sequence}
        program = capture(model, params["inputs"].split(","), mode=config.mode, sizes=sizes)
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
        self.context.finish(
            self.point.index,
            {
                "title": program.graph.title,
                "class": program.graph.model,
                **summary(program.graph),
                "seconds": seconds,
                "problem": program.graph.problem,
                "notes": [*program.graph.notes, *self.notes],
                "passes": passes,
                "difference": passes[-1]["difference"] if passes else None,
                "graph": self._keep(program.graph, CAPTURED),
                "after": self._keep(after.graph, AFTER) if passes else None,
            },
        )

    def _passes(self, program: "Program") -> "tuple[list[dict[str, Any]], Program]":
        from engine.graph.check import check
        from engine.graph.transforms import apply

        rows = []
        for text in self.config.passes if not program.graph.problem else ():
            self._step(text)
            before, program = program, apply(program, text)
            found = check(program, self.config.seed)
            rows.append(
                {
                    "pass": text,
                    "before": len(before.graph.operators),
                    "after": len(program.graph.operators),
                    "difference": found.difference,
                    "found": found.sentence,
                }
            )
        return rows, program

    def _keep(self, graph: "Graph", name: str) -> str:
        import json

        from engine.runtime.files import write_durably

        path = self.context.artifact("points", str(self.point.index), name)
        text = json.dumps(graph.as_dict())
        write_durably(path, lambda partial: Path(partial).write_text(text, encoding="utf-8"))
        return str(path.relative_to(self.context.directory))

    def _step(self, text: str) -> None:
        self.context.progress(self.point.index, self.done, 2 + len(self.config.passes), text)
        self.done += 1


EXPERIMENT = GraphExperiment()
