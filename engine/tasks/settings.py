"""What tasks read of an experiment's config. No torch."""

from typing import Protocol

from engine.tasks.kinds import Name

LONGEST_WINDOW = 2048  # tokens, where nothing bounds what a model takes


class Settings(Protocol):
    """What is looked at of a config."""

    @property
    def model(self) -> str:
        """What the user called the model."""

    @property
    def data(self) -> str:
        """What the user called the data."""

    @property
    def task(self) -> Name:
        """The task that was found or said."""

    @property
    def seed(self) -> int:
        """Of splits and draws."""

    @property
    def text_column(self) -> str:
        """Empty where it is to be found."""

    @property
    def image_column(self) -> str:
        """Empty where it is to be found."""

    @property
    def label_column(self) -> str:
        """Empty where it is to be found."""

    @property
    def first_label(self) -> int | None:
        """The number of the first class."""

    @property
    def max_length(self) -> int:
        """Tokens of a text."""

    @property
    def window(self) -> int | None:
        """Tokens of a window."""

    @property
    def calibration(self) -> str:
        """Other text to train on."""

    @property
    def calibration_samples(self) -> int:
        """Samples of train, drawn by seed, that formats are fitted to and masks are chosen by."""

    @property
    def batch_size(self) -> int:
        """Samples of a batch."""

    @property
    def eval_samples(self) -> int | None:
        """Samples of validation and of test that are evaluated at most."""

    @property
    def train_samples(self) -> int | None:
        """Samples of train that are trained on at most; None: all."""

    @property
    def new_head(self) -> bool:
        """Whether a model without a head that fits the data gets one."""

    @property
    def needs_train(self) -> str:
        """What training data are needed for, in a word or two; empty where they are not."""

    @property
    def needs_validation(self) -> str:
        """What validation data are needed for, likewise."""
