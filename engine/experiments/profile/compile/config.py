"""What is compiled, in which types, at which sizes."""

from typing import Literal

from engine.experiments.profile.fields import BatchSizes, Blocks, Dtypes, Hidden, Model, Timed, Tokens


class CompileConfig(Timed):
    """Each subject in each type at each batch size."""

    study: Literal["compile"] = "compile"
    model: Model = "builtin"
    blocks: Blocks = ()
    hidden: Hidden = 256
    dtypes: Dtypes = ("float32",)
    batch_sizes: BatchSizes = (1, 16)
    sequence: Tokens = None
