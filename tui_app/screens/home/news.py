"""What ended while nobody looked: one line, until escape."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widgets import Static

from tui_app import glyphs
from tui_app.living import Living
from tui_app.runs.summary import Summary
from tui_app.text import moment


class Since(Living, Static):
    """Says it once a visit, when all runs have been read."""

    def __init__(self) -> None:
        super().__init__()
        self._told = False

    def tell(self, runs: Iterable[Summary], left: float, now: float) -> bool:
        """What ended since `left`, the time of the last visit; nothing on the first one. True the first time."""
        if self._told:
            return False
        self._told = True
        ended = sorted((run for run in runs if left and (run.ended or 0.0) > left), key=lambda run: -(run.ended or 0.0))
        finished, failed = ([run for run in ended if run.state == state] for state in ("finished", "failed"))
        if finished or failed:
            self.update(since(finished, failed, left, now))
            self.display = True
        return True

    def close(self) -> None:
        """Takes the line away."""
        self.display = False


def since(finished: Sequence[Summary], failed: Sequence[Summary], left: float, now: float) -> Content:
    """What ended since the last visit."""
    parts: list[Content] = [Content.styled(f"since {moment(left, now)}", "$muted")]
    if failed:
        worst = failed[0]
        text = f"{glyphs.state('failed')} {len(failed)} failed"
        parts.append(
            Content.assemble((text, "bold $error"), f" {worst.id} ", (glyphs.clip(worst.problem, 28), "$muted"))
        )
    if finished:
        names = ", ".join(run.id for run in finished[:3]) + (glyphs.sign("ellipsis") if len(finished) > 3 else "")
        text = f"{glyphs.state('finished')} {len(finished)} finished"
        parts.append(Content.assemble((text, "$success"), (f" {names}", "$muted")))
    return Content(" ") + Content("   ").join(parts)
