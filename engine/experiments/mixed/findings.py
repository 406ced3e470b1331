"""What a search for a mix of formats finds of the chosen one, as data; `words.py` puts it into sentences."""

from engine.experiments.mixed.report import chosen_mix
from engine.experiments.shared.finding import Finding
from engine.experiments.shared.measured import baseline_of
from engine.experiments.shared.trials import Sought
from engine.runtime.records import RunRecord


def findings(sought: Sought, run: RunRecord) -> list[Finding]:
    """`mix`: the formats, bits of a weight on average, bytes as written, and those of the starting model if known."""
    result, baseline = chosen_mix(sought, run), baseline_of(run, sought.metric)
    if result is None:
        return []
    counts = (result.judged.bytes or 0, *([baseline.bytes] if baseline else []))
    return [Finding("mix", at=result.mix, value=result.bits, counts=counts)]
