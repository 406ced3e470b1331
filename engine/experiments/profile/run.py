"""Profile: why it is not faster, or not smaller. One name for six studies, of which the config chooses one."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.experiments.api import Column, Experiment, Listing
from engine.experiments.profile.attention.run import STUDY as ATTENTION
from engine.experiments.profile.compile.run import STUDY as COMPILE
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.deploy.run import STUDY as DEPLOY
from engine.experiments.profile.fields import StudyConfig
from engine.experiments.profile.memory.run import STUDY as MEMORY
from engine.experiments.profile.mxint8.run import STUDY as MXINT8
from engine.experiments.profile.step.run import STUDY as STEP
from engine.experiments.profile.study import Study
from engine.experiments.recorded import Recorded
from engine.figures.figure import Figure
from engine.runtime.context import Context, Point
from engine.runtime.records import RunRecord

STUDIES: Mapping[str, Study[Any, Any, Any]] = {
    one.name: one for one in (COMPILE, ATTENTION, MXINT8, MEMORY, STEP, DEPLOY)
}


class Profile(Experiment[StudyConfig, Recorded, Recorded]):
    """The experiment `profile`: whatever it is asked, the study of the config answers."""

    name = "profile"
    title = "Profile"
    summary = (
        "Why it is not faster: compiled or eager, fused attention, MXINT8 kernels, packed memory, operators, engines."
    )
    Config = ProfileConfig
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

    def columns_of(self, settings: Mapping[str, Any]) -> Sequence[Column]:
        """Those of the study; of all where none is named."""
        found = [column for study in _meant(settings) for column in study.columns_of(settings)]
        return list({column.key: column for column in found}.values())

    def quantities(self, settings: Mapping[str, Any]) -> Mapping[str, Column]:
        """Likewise."""
        return {key: one for study in _meant(settings) for key, one in study.quantities(settings).items()}

    def tables(self, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Column]]:
        """Likewise."""
        return {key: table for study in _meant(settings) for key, table in study.tables(settings).items()}

    def label(self, config: StudyConfig) -> str:
        """The study, and of what."""
        return STUDIES[config.study].label(config)

    def points(self, config: StudyConfig) -> Sequence[Mapping[str, Any]]:
        """Those of the study."""
        return STUDIES[config.study].points(config)

    def check(self, config: StudyConfig) -> Sequence[str] | None:
        """Raises InputError where the model is not there, or what the study needs."""
        return STUDIES[config.study].check(config)

    def run(self, config: StudyConfig, points: Sequence[Point], context: Context) -> None:
        """Measures one point after the other."""
        STUDIES[config.study].run(config, points, context)

    def figures(self, config: StudyConfig, run: RunRecord) -> Sequence[Figure]:
        """Bars and curves of the study."""
        return STUDIES[config.study].figures(config, run)

    def listings(self, config: StudyConfig, run: RunRecord) -> Sequence[Listing]:
        """Every measurement with its quartiles; operators, layers, holdings."""
        return STUDIES[config.study].listings(config, run)

    def findings(self, config: StudyConfig, run: RunRecord) -> Sequence[str]:
        """What the numbers mean, worked out from them."""
        return STUDIES[config.study].findings(config, run)


def _meant(settings: Mapping[str, Any]) -> Sequence[Study[Any, Any, Any]]:
    study = STUDIES.get(str(settings.get("study")))
    return tuple(STUDIES.values()) if study is None else (study,)


EXPERIMENT = Profile()
