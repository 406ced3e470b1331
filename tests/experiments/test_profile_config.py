"""What `profile` can be asked for, its points, and what stands against a run before it starts."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments import registry
from engine.experiments.api import ExperimentConfig
from engine.experiments.launch import configure
from engine.experiments.profile import mxint8 as profile_mxint8
from engine.experiments.profile.config import ProfileConfig
from engine.experiments.profile.run import EXPERIMENT, STUDIES
from engine.profiling.engines import usable
from engine.runtime import devices


def config(**settings: Any) -> ProfileConfig:
    _, made = configure("profile", settings)
    assert isinstance(made, ProfileConfig)
    return made


def test_it_is_registered_and_every_study_has_its_points() -> None:
    assert registry.get("profile") is EXPERIMENT
    counts = {study: len(EXPERIMENT.points(config(study=study, device="cpu"))) for study in STUDIES}
    assert counts.pop("deploy") == 2 * len(usable("cpu"))
    assert counts == {"compile": 2, "attention": 4, "mxint8": 1, "memory": 1, "step": 2}


def test_fields_say_which_studies_read_them() -> None:
    for name, field in ProfileConfig.model_fields.items():
        extra: Any = field.json_schema_extra or {}
        named = set(extra.get("when", {}).get("study", STUDIES))
        assert named <= set(STUDIES)
        assert (name == "study" or name in ExperimentConfig.model_fields) == (named == set(STUDIES))


def test_points_are_products_of_what_varies() -> None:
    points = EXPERIMENT.points(config(blocks="mlp,encoder", dtypes="float32,bfloat16", batch_sizes="1,8"))
    assert len(points) == 8
    assert points[1] == {"what": "mlp", "subject": "mlp", "dtype": "float32", "batch": 8}
    points = EXPERIMENT.points(config(study="attention", lengths="64,128", masks="full,causal", head_sizes="32"))
    assert [point["what"] for point in points] == ["8×64×32 full", "8×128×32 full", "8×64×32 causal", "8×128×32 causal"]
    points = EXPERIMENT.points(config(study="mxint8", elements="4096", groups="8,32", decoded="float16"))
    assert [(one["elements"], one["group"], one["dtype"]) for one in points] == [
        (4096, 8, "float16"),
        (4096, 32, "float16"),
    ]
    assert [one["what"] for one in EXPERIMENT.points(config(study="memory", blocks="mlp", groups="32,64"))] == [
        "mlp, groups of 32",
        "mlp, groups of 64",
    ]
    assert EXPERIMENT.points(config(study="step", blocks="mlp", mode="training"))[0]["what"] == "mlp training"


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"model": "a/bert"}, "compile bert"),
        ({"study": "memory", "blocks": "mlp,attention"}, "memory mlp+attention"),
        ({"study": "attention", "dtypes": "float32,bfloat16"}, "attention float32+bfloat16"),
        ({"study": "mxint8"}, "mxint8 bfloat16"),
    ],
)
def test_labels(settings: dict[str, str], label: str) -> None:
    assert EXPERIMENT.label(config(**settings)) == label


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"groups": "4"}, "groups: a group holds 8 to 512 numbers; 4 does not"),
        ({"elements": "100"}, "elements: give 4,096 to 4,294,967,296 elements, not 100"),
        ({"lengths": "0"}, "lengths: a size lies between 1 and 1,048,576; 0 does not"),
        ({"blocks": "mpl"}, "blocks: there is no choice 'mpl'; did you mean mlp?"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        config(**settings)


@pytest.mark.parametrize("study", ["compile", "memory", "step"])
def test_a_model_that_is_not_there_is_told_before_anything_starts(study: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        EXPERIMENT.check(config(study=study, model="./nowhere"))
    EXPERIMENT.check(config(study=study, model="./nowhere", blocks="mlp"))
    EXPERIMENT.check(config(study="attention", model="./nowhere"))


@pytest.mark.parametrize("study", ["compile", "step"])
def test_more_tokens_than_a_model_takes_are_told_before_anything_starts(study: str, small_pair: dict[str, str]) -> None:
    EXPERIMENT.check(config(study=study))
    with pytest.raises(InputError, match="builtin takes 64 tokens at most, not 65; give a shorter sequence"):
        EXPERIMENT.check(config(study=study, sequence=65))
    with pytest.raises(InputError, match="takes 32 tokens at most, not 33"):
        EXPERIMENT.check(config(study=study, sequence=33, model=small_pair["model"]))
    EXPERIMENT.check(config(study=study, sequence=4096, blocks="mlp"))


def test_a_folder_without_a_model_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json; name a folder that save_pretrained wrote"):
        EXPERIMENT.check(config(study="memory", model=str(tmp_path)))


def test_a_compiler_that_is_missing_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="needs a C\\+\\+ compiler on the CPU: install no-such-compiler"):
        EXPERIMENT.check(config(blocks="mlp", device="cpu"))
    EXPERIMENT.check(config(study="step", blocks="mlp", device="cpu"))


def test_a_layer_that_is_not_there_is_told_before_anything_starts(small_pair: dict[str, str]) -> None:
    EXPERIMENT.check(config(study="memory", model=small_pair["model"], skip="classifier"))
    with pytest.raises(InputError, match="clasifier"):
        EXPERIMENT.check(config(study="memory", model=small_pair["model"], skip="clasifier"))


@pytest.mark.parametrize("found", [("GPU-1",), ("cpu",)])
def test_kernels_that_are_missing_are_told_before_anything_starts(
    found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "resolve", lambda text: found)
    monkeypatch.setattr(profile_mxint8, "find_spec", lambda name: None)
    asked = config(study="mxint8")
    if found == ("cpu",):
        EXPERIMENT.check(asked)
    else:
        with pytest.raises(InputError, match="no kernels for this GPU yet: `make cuda13`"):
            EXPERIMENT.check(asked)
