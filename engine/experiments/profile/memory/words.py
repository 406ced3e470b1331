"""The findings of packing a model as sentences."""

from engine.experiments.profile.words import number, share
from engine.experiments.shared.finding import Finding
from engine.figures.units import in_bytes


def sentence(one: Finding) -> str:
    """A finding in words; `findings.py` says what each kind holds."""
    match one.kind:
        case "saved":
            after, before = map(in_bytes, one.counts)
            saves = f"the format saves {share(one.values[0])} of what it packs"
            return f"the model takes {after} in place of {before}: {share(number(one))} less, where {saves}."
        case "packed":
            packed, (ideal, saving) = share(number(one)), map(share, one.values)
            return f"{packed} of the bytes are packed, and {packed} of {ideal} is {saving}."
        case "left":
            *sizes, more = one.counts
            kinds = zip(one.names, one.values, sizes, strict=True)
            named = ", ".join(f"{kind} {in_bytes(size)} ({share(part)})" for kind, part, size in kinds)
            return f"what stays as it was: {named}{', and less' if more else ''}."
        case "scales":
            size, group = one.counts
            without = "without them 75.0 % of what is packed would be saved"
            return f"{in_bytes(size)} are scales, a byte for {group} numbers; {without}."
        case "scratch":
            return (
                "while a batch of several rows runs, the largest packed weight is decoded into "
                f"{in_bytes(one.counts[0])} of scratch: counting it, {share(number(one))} are saved. A single row "
                "needs none."
            )
    raise ValueError(f"memory finds no {one.kind!r}")
