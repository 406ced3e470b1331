"""What is compiled, in which types, at which sizes."""

from typing import Literal

from engine.experiments.profile.bodies import BodyConfig


class CompileConfig(BodyConfig):
    """Nothing beside the subjects."""

    study: Literal["compile"] = "compile"
