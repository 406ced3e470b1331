"""The config of `profile`: which study, and that study's own settings."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from engine.experiments.profile.attention.config import AttentionConfig
from engine.experiments.profile.compile.config import CompileConfig
from engine.experiments.profile.deploy.config import DeployConfig
from engine.experiments.profile.fields import StudyConfig, StudyName
from engine.experiments.profile.memory.config import MemoryConfig
from engine.experiments.profile.mxint8.config import MXInt8Config
from engine.experiments.profile.step.config import StepConfig

FIRST: StudyName = "compile"
CONFIGS: Mapping[str, type[StudyConfig]] = {
    "compile": CompileConfig,
    "attention": AttentionConfig,
    "mxint8": MXInt8Config,
    "memory": MemoryConfig,
    "step": StepConfig,
    "deploy": DeployConfig,
}


class ProfileConfig(StudyConfig):
    """Validating settings gives a config of the class of their study, which has the fields that it reads alone."""

    study: StudyName = Field(
        FIRST,
        title="Study",
        description="Compiled or eager, fused attention, MXINT8 kernels, packed memory, a step, engines side by side.",
    )

    @classmethod
    def family(cls) -> tuple[type[StudyConfig], ...]:
        """Those of the studies."""
        return tuple(CONFIGS.values())

    @classmethod
    def conditions(cls, name: str) -> dict[str, tuple[str, ...]]:
        """The studies that read a setting, where it is not one of all."""
        if name in cls.model_fields:
            return super().conditions(name)
        return {"study": tuple(study for study, config in CONFIGS.items() if name in config.model_fields)}

    @model_validator(mode="wrap")
    @classmethod
    def _of_the_study(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Any:
        """The study's own config. What other studies read is left out: runs of before 0.2 recorded every setting."""
        study = values.get("study", FIRST) if isinstance(values, Mapping) else None
        config = CONFIGS.get(str(study))
        if config is None:
            return handler({"study": study})
        others = cls.settings().keys() - config.model_fields.keys()
        return config.model_validate({name: value for name, value in values.items() if name not in others})
