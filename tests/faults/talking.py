"""The toy experiment, whose host prints as it imports."""

from tests.faults.toy import Toy


def talk() -> None:
    print("imported", flush=True)


class Talking(Toy):
    name = "tests.faults.talking"
    warm = ("tests.faults.talking:talk",)


EXPERIMENT = Talking()
