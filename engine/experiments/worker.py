"""The host process of one device: `python -m engine.experiments.worker EXPERIMENT`.

It imports what the experiment needs and computes nothing; a child forked from it runs each task.
"""

import importlib
import sys
from collections.abc import Sequence

from engine.experiments import registry
from engine.runtime.context import Context, Point
from engine.runtime.host import serve
from engine.runtime.spec import RunSpec
from engine.runtime.threads import limit_threads


def main() -> int:
    """Serves tasks until the driver closes the pipe."""
    experiment = registry.get(sys.argv[1])

    def warm() -> None:
        for named in experiment.warm:
            module, _, function = named.partition(":")
            found = importlib.import_module(module)
            if function:
                getattr(found, function)()

    def assert_cold() -> None:
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            raise RuntimeError("CUDA was initialised before the fork; a child could not use it.")

    def run_task(points: Sequence[Point], context: Context) -> None:
        limit_threads(context.threads)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(context.threads)
            torch.backends.cudnn.allow_tf32 = False  # on by default: convolutions of float32 would keep 10 bits
        config = experiment.Config.recorded(RunSpec.read(context.directory).config)
        experiment.run(config, points, context)

    serve(run_task, warm, assert_cold)
    return 0


if __name__ == "__main__":
    sys.exit(main())
