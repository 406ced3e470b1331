"""What `profile` can be asked for, its points, and what stands against a run before it starts."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.experiments import registry
from engine.experiments.launch import configure, idle_settings
from engine.experiments.profile.config import CONFIGS, ProfileConfig
from engine.experiments.profile.deploy.config import DeployConfig
from engine.experiments.profile.fields import StudyConfig
from engine.experiments.profile.mxint8 import run as profile_mxint8
from engine.experiments.profile.run import EXPERIMENT, STUDIES
from engine.profiling.engines import usable
from engine.runtime import devices


def config(**settings: Any) -> StudyConfig:
    _, made = configure("profile", settings)
    assert isinstance(made, StudyConfig)
    return made


def test_it_is_registered_and_every_study_has_its_points() -> None:
    assert registry.get("profile") is EXPERIMENT
    counts = {study: len(EXPERIMENT.points(config(study=study, device="cpu"))) for study in STUDIES}
    assert counts.pop("deploy") == 2 * len(usable("cpu"))
    assert counts == {"compile": 2, "attention": 4, "mxint8": 1, "memory": 1, "step": 2}


@pytest.mark.parametrize("study", STUDIES)
def test_a_config_has_what_its_study_reads_and_nothing_else(study: str) -> None:
    made = config(study=study)
    assert type(made) is CONFIGS[study]
    assert ProfileConfig.model_validate(made.model_dump(mode="json")) == made
    for name in ProfileConfig.settings():
        read_by = ProfileConfig.conditions(name).get("study", tuple(STUDIES))
        assert (study in read_by) == (name in type(made).model_fields)


def test_what_another_study_reads_is_left_out_and_named() -> None:
    """Scripts of 0.1 and the runs that it recorded give every setting."""
    settings = {"study": "deploy", "groups": [8], "lengths": [64], "sequence": None, "batch_sizes": [4]}
    experiment, made = configure("profile", settings)
    assert made == DeployConfig(batch_sizes=(4,))
    assert idle_settings(experiment, made, settings) == [
        "groups is not used here: it belongs to study=mxint8 or memory.",
        "lengths is not used here: it belongs to study=attention.",
        "sequence is not used here: it belongs to study=compile or step.",
    ]


def test_one_setting_is_one_thing_in_every_study() -> None:
    for name in ProfileConfig.settings():
        fields = [one.model_fields[name] for one in CONFIGS.values() if name in one.model_fields]
        assert name == "study" or len({(str(one.title), one.description, one.default) for one in fields}) == 1


def test_a_study_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match=r"study: there is no choice 'compiled'; did you mean compile\?"):
        config(study="compiled", groups="8")


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
        ({"study": "memory", "groups": "4"}, "groups: a group holds 8 to 512 numbers; 4 does not"),
        ({"study": "mxint8", "elements": "100"}, "elements: give 4,096 to 4,294,967,296 elements, not 100"),
        ({"study": "attention", "lengths": "0"}, "lengths: a size lies between 1 and 1,048,576; 0 does not"),
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
