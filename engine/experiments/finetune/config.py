"""The settings of `finetune`, and what they mean for a training."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.experiments.shared.settings import SPLIT, Numbers, WholeNumbers, Words, unique
from engine.experiments.shared.teaching import TaughtConfig
from engine.experiments.shared.training import CHECKPOINT_SECONDS

if TYPE_CHECKING:
    from engine.training.train import TrainSettings

LORA: dict[str, Any] = {"when": {"methods": ["lora"]}}  # shown beside that choice alone
Method = Literal["full", "lora"]
DEFAULT_EPOCHS = 1.0
VALIDATIONS = 10


class FinetuneConfig(TaughtConfig):
    """One point for each method, teacher and learning rate, and with LoRA for each rank."""

    methods: Annotated[tuple[Method, ...], SPLIT] = Field(
        ("full",), min_length=1, title="Methods", description="full trains all weights, lora adapters beside them."
    )
    learning_rates: Numbers = Field(
        (1e-4,), min_length=1, title="Learning rates", description="Peak rates to try, for example 3e-5,1e-4."
    )
    ranks: WholeNumbers = Field(
        (8,), min_length=1, title="Ranks", description="Ranks of the adapters to try.", json_schema_extra=LORA
    )
    alpha: int = Field(
        16, ge=1, title="Alpha", description="Adapters are scaled by alpha / rank.", json_schema_extra=LORA
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, title="Dropout", description="On the inputs of the adapters.", json_schema_extra=LORA
    )
    targets: Words = Field(
        (),
        title="Targets",
        description="Layers to adapt: types or name patterns; empty: all linear layers of the blocks.",
        json_schema_extra=LORA,
    )
    steps: int | None = Field(None, ge=1, title="Steps", description="Training steps, instead of epochs.")
    epochs: float | None = Field(
        None, gt=0, title="Epochs", description=f"Training epochs; {DEFAULT_EPOCHS:g} if empty."
    )
    eval_steps: int | None = Field(
        None, ge=1, title="Eval steps", description=f"Steps between validations; {VALIDATIONS} in all if empty."
    )
    patience: int | None = Field(
        None, ge=1, title="Patience", description="Stops after so many validations without a better one; empty: never."
    )
    optimizer: Literal["adamw", "sgd"] = Field("adamw", title="Optimizer", description="SGD has momentum 0.9.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear", title="Schedule", description="How the learning rate falls after its warm-up."
    )
    warmup: float = Field(0.1, ge=0, lt=1, title="Warmup", description="Share of the steps that warms up.")
    weight_decay: float = Field(0.01, ge=0, le=1, title="Weight decay", description="Spares biases and norms.")
    max_gradient_norm: float = Field(1.0, gt=0, title="Max gradient norm", description="Longer gradients are clipped.")
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", title="Precision", description="auto: bf16 (autocast) on a GPU that has it, else float32."
    )
    checkpoint_seconds: float = Field(
        CHECKPOINT_SECONDS,
        ge=0,
        title="Checkpoint seconds",
        description="At most so many seconds of training can be lost.",
    )

    @field_validator("methods", "learning_rates", "ranks", "targets")
    @classmethod
    def _unique(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return unique(value)

    @field_validator("learning_rates")
    @classmethod
    def _rates(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        for rate in value:
            if not 0 < rate <= 1:
                raise ValueError(f"a learning rate lies above 0 and not above 1; {rate:g} does not")
        return value

    @field_validator("ranks")
    @classmethod
    def _ranks(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for rank in value:
            if not 1 <= rank <= 1024:
                raise ValueError(f"a rank lies between 1 and 1024; {rank} does not")
        return value

    @classmethod
    def conditions(cls, name: str) -> dict[str, tuple[str, ...]]:
        """Nothing is fitted to calibration samples."""
        return {"task": ()} if name == "calibration_samples" else super().conditions(name)

    @property
    def train_samples(self) -> int | None:
        """Those of the steps, where steps are given."""
        return None if self.steps is None else self.batch_size * self.steps

    @property
    def new_head(self) -> bool:
        """A head that does not fit the data is made anew."""
        return True

    @property
    def needs_train(self) -> str:
        """Fine-tuning."""
        return "fine-tuning"

    @property
    def needs_validation(self) -> str:
        """The weights that validate best are kept."""
        return "fine-tuning"

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        return self


def train_settings(config: FinetuneConfig, rate: float, samples: int, device: str) -> "TrainSettings":
    """How to train a point at a learning rate, on so many texts and that device."""
    import torch

    from engine.training.train import TrainSettings, has_bf16

    automatic = device != "cpu" and has_bf16(torch.device(device))
    epochs = None if config.steps is not None else config.epochs or DEFAULT_EPOCHS
    settings = TrainSettings(
        steps=config.steps,
        epochs=epochs,
        batch_size=config.batch_size,
        learning_rate=rate,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
        max_gradient_norm=config.max_gradient_norm,
        seed=config.seed,
        bf16=config.precision == "bf16" or (config.precision == "auto" and automatic),
        optimizer=config.optimizer,
        schedule=config.schedule,
        eval_steps=config.eval_steps,
        patience=config.patience,
    )
    if config.eval_steps is not None:
        return settings
    return replace(settings, eval_steps=max(1, settings.total_steps(samples) // VALIDATIONS))
