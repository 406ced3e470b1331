"""How many threads the libraries of a process compute with."""

import os

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What libraries read when they are loaded, and never again."""


def limit_threads(count: int) -> None:
    """Of OpenMP and BLAS, whether loaded already or later. torch has a count of its own too."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    threadpool_limits(count)
