"""Numbers as people read them: one way to write an accuracy, a size and a time, in every table and axis."""

import math
from collections.abc import Sequence
from itertools import pairwise

_SIZES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def in_percent(value: float, *, signed: bool = False, decimals: int = 2) -> str:
    """A share as percent without the sign: 0.8567 → `85.67`, a difference with its sign: `-1.20`."""
    if not math.isfinite(value):
        return str(value)
    share = round(100 * value, decimals) + 0.0  # no -0.00
    return f"{share:+.{decimals}f}" if signed else f"{share:.{decimals}f}"


def in_bytes(value: float) -> str:
    """Decimal units with three digits: 17_549_312 → `17.5 MB`, 16_000_000 → `16.0 MB`."""
    if not math.isfinite(value):
        return str(value)
    for unit, size in _SIZES:
        if abs(value) >= 0.9995 * size:
            return (
                f"{value / size:#.3g} {unit}".replace(". ", " ")
                if abs(value) < 999.5 * size
                else f"{value / size:.0f} {unit}"
            )
    return f"{value:.0f} B"


def ticks_in_bytes(ticks: Sequence[float]) -> list[str]:
    """The labels of an axis: where three digits would not place the ticks, one unit with as many as it takes.

    0.5e6, 1e6 → `500 kB`, `1.00 MB`; 16.10e6, 16.15e6 → `16.10 MB`, `16.15 MB`.
    """
    spacing = min((b - a for a, b in pairwise(sorted(set(ticks)))), default=math.inf)
    if all(abs(tick - float(f"{tick:.3g}")) < 0.05 * spacing for tick in ticks):
        return [in_bytes(tick) if tick else "0" for tick in ticks]
    unit, size = next((one for one in _SIZES if max(map(abs, ticks)) >= one[1]), ("B", 1.0))
    values, near = [tick / size for tick in ticks], 0.05 * spacing / size
    enough = (count for count in range(9) if all(abs(value - round(value, count)) < near for value in values))
    digits = next(enough, 9)
    return [f"{value:.{digits}f} {unit}" for value in values]


def in_count(value: int) -> str:
    """A count in three digits where it is a large one: 998 → `998`, 16_512 → `16.5k`, 4_386_178 → `4.39M`."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            return (
                f"{value / size:#.3g}{unit}".replace(f".{unit}", unit)
                if value < 999.5 * size
                else f"{value / size:.0f}{unit}"
            )
    return str(value)


def in_seconds(value: float) -> str:
    """The two largest units: `41.4 µs`, `3.2 s`, `4m 10s`, `2h 05m`, `3d 4h`."""
    if not math.isfinite(value):
        return str(value)
    if 0 < abs(value) < 1e-3:
        return f"{1e6 * value:.3g} µs"
    if value < 1:
        return f"{1000 * value:.3g} ms"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {seconds:02d}s"
