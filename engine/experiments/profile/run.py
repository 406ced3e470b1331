"""Profile: why it is not faster, or not smaller. Six studies, each with its own points, figures and sentences."""

from collections.abc import Mapping, Sequence
from types import ModuleType

from engine.errors import InputError
from engine.experiments.api import Column, Experiment, Listing
from engine.experiments.profile import attention as profile_attention
from engine.experiments.profile import compile as profile_compile
from engine.experiments.profile import deploy as profile_deploy
from engine.experiments.profile import memory as profile_memory
from engine.experiments.profile import mxint8 as profile_mxint8
from engine.experiments.profile import step as profile_step
from engine.experiments.profile.config import ProfileConfig, short
from engine.experiments.recorded import Recorded
from engine.experiments.shared.python_files import hold_to_file
from engine.figures.figure import Figure
from engine.models.own_source import is_own
from engine.runtime.context import Context, Point
from engine.runtime.records import Params, RunRecord

STUDIES: Mapping[str, ModuleType] = {
    "compile": profile_compile,
    "attention": profile_attention,
    "mxint8": profile_mxint8,
    "memory": profile_memory,
    "step": profile_step,
    "deploy": profile_deploy,
}
"""Each has `points`, `check`, `run` (of one point, which returns its result), `figures`, `listings` and `findings`."""
_OF_MODELS = ("compile", "memory", "step", "deploy")


class Profile(Experiment[ProfileConfig, Recorded, Recorded]):
    """The experiment `profile`."""

    name = "profile"
    title = "Profile"
    summary = (
        "Why it is not faster: compiled or eager, fused attention, MXINT8 kernels, packed memory, operators, engines."
    )
    Config = ProfileConfig
    columns = (
        Column("what", "What"),
        Column("dtype", "Type"),
        Column("batch", "Batch", "number"),
        Column("time", "Time", "seconds"),
        Column("against", "Baseline", "seconds"),
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
    copies = 0
    pace = (
        "study",
        "subject",
        "engine",
        "dtype",
        "batch",
        "sequence",
        "length",
        "elements",
        "repeats",
        "mode",
        "steps",
    )
    warm = (
        "torch",
        "torch.fx.experimental.symbolic_shapes",
        "transformers.models.bert.modeling_bert",
        "cuda_kernels.timing",
        "engine.compress",
        "engine.graph.subjects",
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

    def check(self, config: ProfileConfig) -> list[str]:
        """Raises InputError where the model is not there, or a compiler."""
        said = _check_model(config) if config.study in _OF_MODELS and not config.blocks else []
        STUDIES[config.study].check(config)
        return said

    def run(self, config: ProfileConfig, points: Sequence[Point], context: Context) -> None:
        """Measures one point after the other."""
        for point in points:
            if not config.blocks and config.study in _OF_MODELS:
                hold_to_file(context, config.model)
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


def _check_model(config: ProfileConfig) -> list[str]:
    from engine.models.check import check_body
    from engine.models.fields import longest_text

    if (said := check_body(config.model)) or is_own(config.model):
        return said
    longest = longest_text(config.model)
    if config.study != "memory" and config.sequence is not None and longest is not None and config.sequence > longest:
        raise InputError(
            f"{config.model} takes {longest:,} tokens at most, not {config.sequence:,}; give a shorter sequence."
        )
    return []


EXPERIMENT = Profile()
