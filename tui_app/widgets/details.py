"""What a run says beside its points: sentences, and one table at a time."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.experiments.api import Listing
from tui_app import glyphs
from tui_app.actions import bindings
from tui_app.living import Living
from tui_app.text import clean
from tui_app.widgets.pane import Pane
from tui_app.widgets.values import Entry, ValuesTable


class ListingTable(ValuesTable):
    """A listing's rows."""

    HELP = "A table of the run as a whole. m shows the next one, o sorts by the next column, / shows only some rows."


class Details(Living, Vertical):
    """Findings above, a listing below; `m` turns to the next listing. Either is hidden where there is none."""

    BINDINGS = bindings("details")
    DEFAULT_CSS = """
    Details { height: 1fr; }
    Details VerticalScroll { height: auto; max-height: 40%; padding: 0 1; }
    Details.-textual VerticalScroll { max-height: 100%; }
    Details ListingTable { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.findings: tuple[str, ...] = ()
        self.listings: tuple[Listing, ...] = ()
        self.table = ListingTable()
        self._key = ""
        self._shown: tuple[tuple[str, ...], tuple[Listing, ...]] | None = None

    def compose(self) -> ComposeResult:
        yield VerticalScroll(Static(id="findings"), can_focus=False)
        yield self.table

    @property
    def listing(self) -> Listing | None:
        """The one in view."""
        return next((one for one in self.listings if one.key == self._key), next(iter(self.listings), None))

    @property
    def heading(self) -> str:
        """The title of what is in view, and which of how many it is."""
        if self.listing is None:
            return "Findings"
        place = f" ({self.listings.index(self.listing) + 1} of {len(self.listings)})" if len(self.listings) > 1 else ""
        return clean(self.listing.title) + place

    def set(self, findings: Sequence[str], listings: Sequence[Listing]) -> None:
        """Shows what a run says now; the table in view stays in view."""
        now = tuple(findings), tuple(listings)
        if now == self._shown:
            return
        self.findings, self.listings = self._shown = now
        lines = [
            Content.assemble((f"{glyphs.sign('dot')} ", "$secondary"), clean(sentence)) for sentence in self.findings
        ]
        self.query_one("#findings", Static).update(Content("\n").join(lines))
        self.query_one(VerticalScroll).display = bool(lines)
        self.set_class(not self.listings, "-textual")
        self.table.display = bool(self.listings)
        self._show()

    def _show(self) -> None:
        listing = self.listing
        if listing is not None:
            self.table.fill(listing.columns, [Entry(str(place), row) for place, row in enumerate(listing.rows)])
        self._entitle()
        self.refresh_bindings()

    def _entitle(self) -> None:
        if isinstance(self.parent, Pane):
            caption = clean(self.listing.caption) if self.listing is not None else ""
            self.parent.title(self.heading, glyphs.clip(caption, max(0, self.size.width - 6)))

    def on_resize(self) -> None:
        self._entitle()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return len(self.listings) > 1 if action == "details_next" else True

    def action_details_next(self) -> None:
        listing = self.listing
        if listing is not None:
            self._key = self.listings[(self.listings.index(listing) + 1) % len(self.listings)].key
            self.table.order, self.table.needle = None, ""
            self._show()
            self.table.action_table_top()
