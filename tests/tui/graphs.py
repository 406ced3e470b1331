"""The Graph page on small models, the worker's questions answered in the test's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from torch import nn

from engine.graph import session
from engine.graph.capture import Program, capture
from engine.graph.subjects import Subject, plain_subject
from tests.graph.models import bert
from tests.tui.driving import until
from tests.tui.pages import Scripted, app_with
from tui_app.app import LabApp

_PROGRAMS: dict[Any, Any] = {}
WHAT = ("capture", "weigh", "transform", "erase", "save")


def worker(monkeypatch: pytest.MonkeyPatch, **models: nn.Module) -> Scripted:
    """Answers as the warm worker does, with models by name; `builtin` is a small BERT."""
    known: dict[str, nn.Module] = {"builtin": bert(), **models}
    monkeypatch.setattr(session, "is_unmade", lambda source: source not in known)
    monkeypatch.setattr(
        session,
        "subject",
        lambda source, attention: plain_subject(bert("eager") if attention == "eager" else known[source], source),
    )
    monkeypatch.setattr(session, "capture_program", _capture)
    answers = {f"graph_{name}": lambda values, name=name: getattr(session, name)(**values) for name in WHAT}
    return Scripted(**answers)


def _capture(subject: Subject, inputs: list[str], **settings: Any) -> Program:
    """Each capture once for all tests: programs are never changed."""
    key = subject.model, *inputs, repr(settings)
    if key not in _PROGRAMS:
        _PROGRAMS[key] = capture(subject, inputs, **settings)
    found: Program = _PROGRAMS[key]
    return found


@asynccontextmanager
async def graph_page(
    monkeypatch: pytest.MonkeyPatch, *, size: tuple[int, int] = (140, 40), plain: bool = False, **models: nn.Module
) -> AsyncIterator[tuple[LabApp, Pilot[None], Any]]:
    """The page, which has begun to capture."""
    async with app_with(size=size, worker=worker(monkeypatch, **models), plain=plain) as (app, pilot):
        await app.switch_mode("graph")
        await until(pilot, lambda: app.screen.query("GraphTree") or app.screen.query("#tree"))
        yield app, pilot, app.screen


async def press(pilot: Pilot[None], page: Any, *keys: str) -> None:
    """Types, then waits until nothing is asked of the worker and the side has followed the cursor."""
    for key in keys:
        await pilot.press(key)
    await pilot.pause()
    await until(pilot, lambda: not page.asking.doing and page.place.follows)


async def captured(pilot: Pilot[None], page: Any) -> None:
    """Waits for the capture that the page begins with, and for its weights."""
    await until(
        pilot, lambda: page.steps and not page.asking.doing and not any(w.group == "graph" for w in page.workers)
    )


def shown(page: Any) -> list[str]:
    """The keys of the tree's lines."""
    return [row.key for row in page.outline.rows]
