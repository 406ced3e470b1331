"""An experiment whose host cannot import what it needs."""

from typing import Any

from tests.faults.toy import Toy


class Broken(Toy):
    name = "tests.faults.broken"
    warm = ("no_such_module_anywhere",)


EXPERIMENT: Any = Broken()
