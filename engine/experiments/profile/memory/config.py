"""What is packed, and in which groups."""

from typing import Literal

from pydantic import Field

from engine.experiments.profile.fields import Blocks, Groups, Hidden, Model, StudyConfig
from engine.experiments.shared.settings import Words


class MemoryConfig(StudyConfig):
    """Each subject with each group size."""

    study: Literal["memory"] = "memory"
    model: Model = "builtin"
    blocks: Blocks = ()
    hidden: Hidden = 256
    groups: Groups = (32,)
    layers: Words = Field(("Linear",), min_length=1, title="Layers", description="Types or name patterns to pack.")
    skip: Words = Field((), title="Skip", description="Types or name patterns to leave out.")
