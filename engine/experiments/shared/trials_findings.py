"""What a search finds, as data; `trials_words.py` puts it into sentences."""

from collections.abc import Iterator, Mapping, Sequence

from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import Tested
from engine.experiments.shared.trials import Sought, Trial, TrialParams, curves, trials
from engine.experiments.shared.trials_report import band, candidates
from engine.runtime.records import RunRecord
from engine.tasks.metric import Metric


def findings(sought: Sought, run: RunRecord) -> list[Finding]:
    """Which curve is ahead, what breaks constraints, what the chosen trial does on the test set."""
    every = trials(sought, run)
    by_curve = curves(every)
    return [*_lead(sought, run, by_curve), *_broken(every), *_tested(run, by_curve, sought.metric)]


def _lead(sought: Sought, run: RunRecord, by_curve: Mapping[str, Sequence[Trial]]) -> Iterator[Finding]:
    """`lead`: the curves with the best mean after so many trials; `behind`: those with the worst.

    `close`: two standard errors of the best, where the curves lie within them.
    """
    metric = sought.metric
    ends = {name: rows[-1] for name, members in by_curve.items() if (rows := band(metric, members))}
    if len(ends) < 2:
        return
    ranked = sorted(ends, key=lambda name: -metric.goodness(ends[name][1]))
    top, low = ends[ranked[0]], ends[ranked[-1]]
    ahead, last = (tuple(name for name in ranked if ends[name][1] == one[1]) for one in (top, low))
    yield Finding("lead", names=ahead, value=top[1], counts=(top[0] + 1,))
    if len(ahead) == len(ranked):
        return
    yield Finding("behind", names=last, value=low[1])
    lead = max(candidates(sought, run), key=lambda one: metric.goodness(one.score), default=None)
    if lead is not None and metric.scale(top[1]) - metric.scale(low[1]) < 2 * lead.error:
        yield Finding("close", value=2 * lead.error, samples=lead.samples)


def _broken(every: Sequence[Trial]) -> Iterator[Finding]:
    """`broken`: how many trials break a constraint, of all that have finished."""
    ended = [one for one in every if one.judged is not None]
    broken = sum(not one.good for one in ended)
    if broken:
        yield Finding("broken", counts=(broken, len(ended)))


def _tested(run: RunRecord, by_curve: Mapping[str, Sequence[Trial]], metric: Metric) -> Iterator[Finding]:
    """`tested`: the chosen trial's score on the test set; beside it the difference from the starting model's."""
    for point in run.finished:
        index = TrialParams.from_record(point.params).chosen
        if index is None:
            continue
        curve, trial = next((name, one) for name, own in by_curve.items() for one in own if one.point.index == index)
        tested = Tested.from_record(point.result or {}, metric)
        yield Finding("tested", curve, value=tested.score, beside=tested.delta, counts=(trial.number,))
