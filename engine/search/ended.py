"""What Optuna says of trials that have ended: which parameters mattered, and studies for other programs to open."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.runtime.records import RunRecord
from engine.search.series import Series, encoded

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEWEST = 8
"""Finished trials before importances are worked out."""


def frozen(series: Series, run: RunRecord) -> "list[FrozenTrial]":
    """The trials of a series that have ended, with their parameters one by one."""
    import optuna
    from optuna.trial import TrialState

    states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    found = []
    for point in run.points:
        if not series.owns(point.params) or point.state not in states or not series.asked(point):
            continue
        result = point.result or {}
        state = states[point.state]
        values = [float(result[goal.key]) for goal in series.goals] if point.state == "finished" else None
        if values and any(map(math.isnan, values)):
            state, values = TrialState.FAIL, None
        params, distributions = encoded(series.space, point.params)
        trial = optuna.create_trial(
            state=state,
            values=values,
            params=params,
            distributions=distributions,
            user_attrs={"point": point.index, **{key: value for key, value in result.items() if _plain(value)}},
            intermediate_values={int(step): value for step, value in result.get("reports") or ()},
            constraints={one.text: one.excess(result) for one in series.constraints} if values else None,
        )
        found.append(trial)
    return found


def _plain(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def importances(series: Sequence[Series], run: RunRecord) -> dict[str, float]:
    """How much each parameter decides whether a trial is among the best, from 0 to 1, the most important first.

    PED-ANOVA (S. Watanabe et al. 2023) over the finished trials of all series that share the largest space; of several
    objectives the first counts. Empty while there are too few trials.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    if not series:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    largest = max(series, key=lambda one: len(one.space.dimensions)).space
    alike = [one for one in series if one.space == largest]
    trials = [trial for one in alike for trial in frozen(one, run) if trial.state == TrialState.COMPLETE]
    values = {trial.values[0] for trial in trials}
    if len(trials) < FEWEST or len(values) < 2:
        return {}
    goal = series[0].goals[0]
    study = optuna.create_study(direction="maximize" if goal.maximize else "minimize")
    for trial in trials:
        params, distributions = trial.params, trial.distributions
        value = trial.values[0]
        study.add_trial(optuna.create_trial(value=value, params=params, distributions=distributions))
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(evaluate_on_local=True))
    return {name: float(value) for name, value in found.items()}


def export(series: Sequence[Series], run: RunRecord, url: str) -> list[str]:
    """Writes each series as a study into the database at `url`, for optuna-dashboard. Returns the studies' names.

    Raises:
        InputError: a database that cannot be written, or one that holds these studies already.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"{run.id} {one.name}" for one in series]
    try:
        storage = optuna.storages.RDBStorage(url)
        taken = {study.study_name for study in storage.get_all_studies()}
        if not taken & set(names):
            for one, name in zip(series, names, strict=True):
                study = optuna.create_study(study_name=name, storage=storage, directions=one.directions)
                study.set_user_attr("labtui", {"run": run.id, "name": run.name, **one.labels})
                study.add_trials(frozen(one, run))
            return names
    except (SQLAlchemyError, ImportError, ValueError, optuna.exceptions.OptunaError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise InputError(f"{url} cannot be written ({reason}); give for example sqlite:///study.db.") from error
    raise InputError(f"{url} holds studies of {run.id} already; name another file.")
