"""Profile: why it is not faster, or not smaller. Five studies, each with its own points, figures and sentences."""

from collections.abc import Mapping, Sequence
from types import ModuleType

from engine.errors import InputError
from engine.experiments.base import Column, Experiment, Listing
from engine.experiments.parts import (
    profile_attention,
    profile_compile,
    profile_memory,
    profile_mxint8,
    profile_step,
)
from engine.experiments.parts.profile_config import ProfileConfig, short
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

STUDIES: Mapping[str, ModuleType] = {
    "compile": profile_compile,
    "attention": profile_attention,
    "mxint8": profile_mxint8,
    "memory": profile_memory,
    "step": profile_step,
}
"""Each has `points`, `check`, `run` (of one point, which returns its result), `figures`, `listings` and `findings`."""
_OF_MODELS = ("compile", "memory", "step")


class Profile(Experiment):
    """The experiment `profile`."""

    name = "profile"
    title = "Profile"
    summary = "Why it is not faster: compiled or eager, fused attention, MXINT8 kernels, packed memory, operators."
    Config = ProfileConfig
    columns = (
        Column("what", "What"),
        Column("dtype", "Type"),
        Column("batch", "Batch", "number"),
        Column("time", "Time", "seconds"),
        Column("against", "Against", "seconds"),
        Column("speedup", "Speedup", "number"),
        Column("first_call", "First", "seconds"),
        Column("pays_after", "Pays after", "number"),
        Column("best", "Fused"),
        Column("share", "of copy", "percent"),
        Column("bytes", "Memory", "bytes"),
        Column("saving", "Saved", "percent"),
        Column("difference", "Max diff.", "number"),
        Column("tokens", "Tokens", "number"),
    )
    pace = ("study", "subject", "dtype", "batch", "sequence", "length", "elements", "repeats", "mode", "steps")
    warm = (
        "torch",
        "torch.fx.experimental.symbolic_shapes",
        "transformers.models.bert.modeling_bert",
        "cuda_kernels.timing",
        "engine.compress",
        "engine.graph.sources",
    )

    def label(self, config: ProfileConfig) -> str:
        """The study, and of what."""
        dtypes = config.decoded if config.study == "mxint8" else config.dtypes
        what = map(short, config.subjects) if config.study in _OF_MODELS else dtypes
        return f"{config.study} {'+'.join(what)}"

    def points(self, config: ProfileConfig) -> Sequence[Params]:
        """Those of the study."""
        found: Sequence[Params] = STUDIES[config.study].points(config)
        return found

    def check(self, config: ProfileConfig) -> None:
        """Raises InputError where the model is not there, or a compiler."""
        if config.study in _OF_MODELS and not config.blocks:
            _check_model(config)
        STUDIES[config.study].check(config)

    def run(self, config: ProfileConfig, points: Sequence[Point], context: Context) -> None:
        """Measures one point after the other."""
        for point in points:
            context.finish(point.index, STUDIES[config.study].run(config, point, context))

    def figures(self, config: ProfileConfig, run: RunRecord) -> Sequence[Figure]:
        """Bars and curves of the study."""
        drawn: Sequence[Figure] = STUDIES[config.study].figures(run)
        return drawn

    def listings(self, config: ProfileConfig, run: RunRecord) -> Sequence[Listing]:
        """Every measurement with its quartiles; operators, layers, holdings."""
        tables: Sequence[Listing] = STUDIES[config.study].listings(run)
        return tables

    def findings(self, config: ProfileConfig, run: RunRecord) -> Sequence[str]:
        """What the numbers mean, worked out from them."""
        sentences: Sequence[str] = STUDIES[config.study].findings(run)
        return sentences


def _check_model(config: ProfileConfig) -> None:
    from engine.models.fields import longest_text

    longest = longest_text(config.model)
    if config.study != "memory" and config.sequence is not None and longest is not None and config.sequence > longest:
        raise InputError(
            f"{config.model} takes {longest:,} tokens at most, not {config.sequence:,}; give a shorter sequence."
        )


EXPERIMENT = Profile()
