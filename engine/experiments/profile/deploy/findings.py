"""What engines side by side find, as data; `words.py` puts it into sentences."""

from collections.abc import Iterator, Sequence

from engine.experiments.profile.deploy.measures import FIRST, DeployResult, Reached
from engine.experiments.profile.deploy.report import Done
from engine.experiments.profile.words import apart
from engine.experiments.shared.finding import Finding


def findings(done: Sequence[Done], machine: Reached) -> list[Finding]:
    """How fast each engine is, and of each that is not faster why not; `disturbed`: of how many points times are."""
    found = [finding for one in done for finding in _of(one, machine)]
    disturbed = sum(one.result.disturbed for one in done)
    return [*found, Finding("disturbed", counts=(disturbed,))] if disturbed else found


def _of(one: Done, machine: Reached) -> Iterator[Finding]:
    """`bound`: of eager torch. `faster`: a call, beside an eager one, with the bytes of both; then the reasons."""
    from engine.profiling.engines import ENGINES

    engine, result = ENGINES[one.params.engine], one.result
    if engine.name == FIRST:
        yield _bound(one.of, result, machine)
        return
    counts = (result.bytes, result.float_bytes)
    yield Finding("faster", one.of, value=result.time, beside=result.against, counts=counts)
    if not (result.speedup > 1 and apart(result.time, result.against)):
        yield from _reasons(engine.changes, engine.arithmetic, one, machine)


def _bound(name: str, one: DeployResult, machine: Reached) -> Finding:
    """`bound`, at operators, memory or arithmetic: an eager call, and what reading and computing should take.

    The counts are bytes of weights and floating-point operations.
    """
    reading, computing = one.should(machine)
    by = "operators" if one.idles(machine) else "memory" if reading > computing else "arithmetic"
    counts = (one.float_bytes, one.operations)
    return Finding("bound", name, by, value=one.against, values=(reading, computing), counts=counts)


def _reasons(changes: str, arithmetic: str, one: Done, machine: Reached) -> Iterator[Finding]:
    """Why an engine is not faster, as far as what was measured tells.

    `same`: it computes what eager torch does, in float32. `linear`: the share of the eager time that it changes.
    `decoded`: at this batch the share of reading in what has to be done. `integers`: the processor has no products of
    them. `halves`: operations a second in bfloat16 and float32. `launching`: the batch is too small.
    """
    result, (reading, computing) = one.result, one.result.should(machine)
    if changes == "all" and arithmetic == "float32":
        yield Finding("same", one.of)
    if changes == "linear":
        yield Finding("linear", one.of, value=result.linear)
    if arithmetic == "decoded" and reading < computing:
        yield Finding("decoded", one.of, value=reading / (reading + computing), counts=(one.params.batch,))
    if arithmetic == "int8" and not machine.integers:
        yield Finding("integers", one.of)
    if arithmetic == "bfloat16" and (not machine.halves or machine.bfloat16 <= machine.float32):
        yield Finding("halves", one.of, values=(machine.bfloat16, machine.float32))
    if result.idles(machine):
        yield Finding("launching", one.of)
