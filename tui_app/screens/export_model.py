"""A run's model for another program, from the export dialog: which one, what it cannot express, how the two agree."""

from pathlib import Path

from textual.content import Content

from engine.errors import InputError
from tui_app.interactive import Interactive
from tui_app.lab import Lab
from tui_app.screens.dialog import TextScreen
from tui_app.screens.pickers import Option, PickScreen
from tui_app.text import clean

WRITE, LEAVE = "write it so", "leave it"


async def export_model(lab: Lab, run: str, point: int | None, stem: Path) -> None:
    """Asks for the program, says what it cannot express, and writes the model beside everything else.

    The work is done by a worker of its own: it takes minutes, and the app's warm one has to answer at once.
    """
    from engine.exports.registry import TARGETS

    options = [Option(target.name, target.help) for target in TARGETS.values()]
    name = await lab.push_screen_wait(PickScreen("Export the model", options))
    if name is None:
        return
    target, worker = TARGETS[name], Interactive()
    path = stem.with_name(stem.name + target.suffix) if target.suffix else stem.with_name(f"{stem.name}-{name}")
    asked = {"run": run, "target": name, "path": str(path.absolute()), "point": point}
    worker.start()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if sentences := await worker.ask("export_said", **asked):
            kept = [Option(WRITE, " ".join(sentences)), Option(LEAVE)]
            if await lab.push_screen_wait(PickScreen(f"{target.title} cannot express all of it", kept)) != WRITE:
                return
        lab.notify(f"Writing {path} and comparing it in {target.program}: this takes a while.", markup=False)
        rows = await worker.ask("export_written", **asked)
    except (InputError, OSError) as error:
        lab.notify(str(error), severity="error", markup=False, timeout=10)
        return
    finally:
        worker.stop()
    wide = max(len(label) for label, _ in rows) + 2
    lines = [Content(clean(f"{label:<{wide}}{value}")) for label, value in rows]
    lab.push_screen(TextScreen(f"Wrote {path}", Content("\n").join(lines)))
