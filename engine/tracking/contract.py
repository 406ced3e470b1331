"""What a tracker is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from engine.extras import check_installed
from engine.tracking.told import Told


class Tracker(ABC):
    """A place where a team looks at runs; a module in `engine.tracking` holds one as `TRACKER`."""

    name: ClassVar[str]
    """What the option and the extra are called."""
    title: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    target: ClassVar[str]
    """What the option takes: DIR, URI, PROJECT."""
    help: ClassVar[str]

    def check_installed(self) -> None:
        """Raises InputError where a package is missing, with the line that installs it."""
        check_installed(self.title, self.packages, self.name)

    @abstractmethod
    def publish(self, run: Told, target: str) -> str:
        """Writes a run there; gives the place where it now stands.

        Raises:
            InputError: it is there already, or the place takes nothing.
        """
