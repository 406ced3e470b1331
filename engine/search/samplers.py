"""Optuna's samplers and pruners by name: what each can take, and one made for a single trial."""

import hashlib
from typing import TYPE_CHECKING, Literal

from engine.errors import InputError
from engine.search.space import Range, Space

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

Sampler = Literal["random", "grid", "tpe", "gp", "cmaes", "nsga2"]
Pruner = Literal["none", "median", "hyperband"]
REPLAYED = ("cmaes", "nsga2")
"""Samplers that keep a state of their own between trials: it is made again by asking again."""
STARTUP = 10
"""Random trials before TPE and GP look at what was found, unless a series says otherwise."""
POPULATION = 20
WATCHED = 4  # finished trials before the median says anything


def check_sampler(sampler: Sampler, space: Space, objectives: int = 1, constrained: bool = False) -> None:
    """Raises InputError where a sampler cannot take the space or what is sought in it."""
    if not space.dimensions:
        raise InputError("the space is empty; name at least one dimension, for example num_hidden_layers=1..4.")
    if sampler == "grid":
        space.product()
    if sampler == "cmaes":
        choices = [one.name for one in space.dimensions if not isinstance(one.domain, Range)]
        if choices:
            raise InputError(
                f"cmaes takes ranges of numbers, and {choices[0]} is a choice among values; write a range "
                f"such as 1..4 where that is meant, or take tpe."
            )
        if len(space.dimensions) < 2:
            raise InputError("cmaes needs two dimensions or more; take tpe or gp for one.")
        if objectives > 1:
            raise InputError("cmaes seeks one objective; take tpe, gp or nsga2 for several.")
        if constrained:
            raise InputError("cmaes knows no constraints; take tpe, gp or nsga2.")


def trial_seed(seed: int, number: int) -> int:
    """The seed of one trial of a series: it depends on nothing else, so that a resumed search draws the same."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}".encode()).digest()[:4], "big")


def startup_of(trials: int) -> int:
    """A third of the budget, from 4 to 10: a short search is not all chance."""
    return max(4, min(STARTUP, trials // 3))


def make_sampler(sampler: Sampler, seed: int, startup: int = STARTUP) -> "BaseSampler":
    """A sampler for one trial. It starts from nothing but its seed; what was found it reads from the study."""
    from optuna import samplers

    if sampler == "tpe":
        return samplers.TPESampler(seed=seed, n_startup_trials=startup)
    if sampler == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
    if sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    if sampler == "nsga2":
        return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
    return samplers.RandomSampler(seed=seed)


def make_pruner(pruner: Pruner, reports: int) -> "BasePruner":
    """A pruner of trials that report `reports` times, at steps 1, 2 and so on."""
    from optuna import pruners

    if pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=reports, reduction_factor=3)
    if pruner == "median":
        return pruners.MedianPruner(n_startup_trials=WATCHED)
    return pruners.NopPruner()
