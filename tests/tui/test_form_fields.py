"""From a config class to fields, texts, TOML and the command; no widgets."""

import shlex
import tomllib
from typing import Literal

import pytest
from click.testing import CliRunner
from pydantic import Field, field_validator

from engine.experiments import launch
from engine.experiments.api import ExperimentConfig
from engine.experiments.launch import configure, parse_setting
from engine.experiments.quantize.config import QuantizeConfig
from tui_app.widgets.form import fields as settings
from tui_app.widgets.form import written


class Toy(ExperimentConfig):
    """One field of each kind."""

    data: str = Field("builtin", title="Data", description="What to read.")
    rate: float = Field(0.001, gt=0, le=1, title="Rate")
    steps: int | None = Field(None, ge=1, title="Steps")
    mode: Literal["fast", "exact"] = Field("fast", title="Mode")
    kinds: tuple[Literal["a", "b"], ...] = Field(("a",), title="Kinds")
    cache: bool = Field(True, title="Cache")
    depth: int = Field(3, title="Depth", json_schema_extra={"when": {"mode": ["exact"], "kinds": ["b"]}})

    _split = field_validator("kinds", mode="before")(
        lambda value: value.split(",") if isinstance(value, str) else value
    )


FIELDS = {field.name: field for field in settings.fields(Toy)}


def test_each_field_has_its_kind() -> None:
    assert {name: field.kind for name, field in FIELDS.items()} == {
        "data": "source",
        "rate": "text",
        "steps": "text",
        "mode": "choice",
        "kinds": "choices",
        "cache": "switch",
        "depth": "text",
        "device": "text",
        "executor": "choice",
        "address": "text",
        "gpus": "text",
        "seed": "text",
    }
    assert FIELDS["kinds"].choices == ("a", "b")
    assert (FIELDS["rate"].default, FIELDS["steps"].default, FIELDS["cache"].default) == ("0.001", "", "yes")
    assert FIELDS["steps"].optional


def test_model_and_data_come_first_and_what_all_share_last() -> None:
    names = [field.name for field in settings.fields(QuantizeConfig)]
    assert names[:3] == ["model", "data", "widths"]
    assert names[-1] == "device"
    assert names.index("teacher") < names.index("task") < names.index("workers") < names.index("seed")
    assert sorted(names) == sorted(QuantizeConfig.model_fields)


@pytest.mark.parametrize("config", [Toy, QuantizeConfig])
def test_an_untouched_form_changes_nothing(config: type[ExperimentConfig]) -> None:
    fields = settings.fields(config)
    texts = {field.name: field.default for field in fields}
    assert settings.values(fields, texts) == {}
    read, errors = settings.read(config, {field.name: field.default for field in fields if field.default})
    assert errors == {}
    assert read == settings.read(config, {})[0]


def test_only_what_differs_is_said() -> None:
    changed = settings.values(FIELDS.values(), {"rate": "0.5", "steps": " ", "mode": "fast", "cache": "no"})
    assert changed == {"rate": "0.5", "cache": "no"}
    config, errors = settings.read(Toy, changed)
    assert errors == {}
    assert config == Toy(rate=0.5, cache=False)


def test_a_setting_that_means_nothing_beside_the_others_is_not_said() -> None:
    texts = {"depth": "4", "mode": "exact", "kinds": "a,b"}
    assert settings.values(FIELDS.values(), texts) == texts
    assert "depth" not in settings.values(FIELDS.values(), {**texts, "mode": "fast"})
    assert "depth" not in settings.values(FIELDS.values(), {**texts, "kinds": "a"})
    assert "depth" not in settings.values(FIELDS.values(), {"depth": "4"})


def test_an_emptied_optional_field_is_none() -> None:
    field = settings.Field("n", "N", "", "text", "5", optional=True)
    assert settings.values([field], {"n": ""}) == {"n": None}


def test_errors_are_the_sentences_of_the_config() -> None:
    config, errors = settings.read(QuantizeConfig, {"widths": "2,x", "learning_rate": "7", "modes": ""})
    assert config is None
    assert (
        errors["widths"] == "widths: 'x' is not a whole number; write numbers or ranges, for example 2,4,8 or 2-32:2."
    )
    assert set(errors) == {"widths", "learning_rate", "modes"}


def test_what_is_wrong_with_the_whole_has_no_field() -> None:
    _, errors = settings.read(QuantizeConfig, {"integer_bits": "1,2"})
    assert list(errors) == [""]


CHANGED = {
    "widths": "2-8:2",
    "modes": "ptq,qat",
    "formats": "",
    "model": "/a dir/it's",
    "learning_rate": "3e-4",
    "seed": "7",
}


def test_the_command_does_the_same_as_the_form() -> None:
    words = shlex.split(launch.command("quantize", CHANGED))
    assert words[:3] == ["labtui", "run", "quantize"]
    said = dict(parse_setting(word) for word in words[4::2])
    assert configure("quantize", said)[1] == configure("quantize", CHANGED)[1]


def test_toml_says_every_setting_and_reads_back() -> None:
    text = written.toml(settings.fields(QuantizeConfig), CHANGED)
    assert configure("quantize", tomllib.loads(text))[1] == configure("quantize", CHANGED)[1]
    assert tomllib.loads(text).keys() == CHANGED.keys()
    assert "# batch_size = 64" in text
    assert "# Widths: Bits in all" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_recorded_config_fills_the_form_again() -> None:
    config = configure("quantize", CHANGED)[1]
    fields = settings.fields(QuantizeConfig)
    recorded = config.model_dump(mode="json")
    texts = {field.name: settings.to_text(recorded[field.name]) for field in fields}
    assert settings.read(QuantizeConfig, settings.values(fields, texts))[0] == config


def test_a_recorded_number_keeps_all_its_digits() -> None:
    assert float(settings.to_text(0.00012345678)) == 0.00012345678
    assert settings.to_text((0.1, None)) == "0.1,"


def test_the_command_line_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through click, up to the launch."""
    from tui_app.command.main import cli

    seen = []
    monkeypatch.setattr(
        launch,
        "launch",
        lambda experiment, config, name=None, **_: seen.append(config) or (_ for _ in ()).throw(SystemExit(0)),
    )
    words = shlex.split(launch.command("quantize", CHANGED))
    CliRunner().invoke(cli, words[1:])
    assert seen == [configure("quantize", CHANGED)[1]]
