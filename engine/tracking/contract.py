"""What a tracker is."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

from engine.errors import InputError
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
        missing = [name for name in self.packages if find_spec(name) is None]
        if missing:
            raise InputError(
                f"{self.title} needs {' and '.join(missing)}, not installed here; run: pip install "
                f"'labtui[{self.name}]'."
            )

    @abstractmethod
    def publish(self, run: Told, target: str) -> str:
        """Writes a run there; gives the place where it now stands.

        Raises:
            InputError: it is there already, or the place takes nothing.
        """
