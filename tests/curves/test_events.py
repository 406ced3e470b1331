"""Curves out of event files that TensorBoard's own writers made."""

from pathlib import Path
from typing import Any

import pytest

from engine.curves.reading import Asked, curves, offered
from engine.errors import InputError
from engine.figures.figure import Figure

pytest.importorskip("tensorboard")
LOSS = Figure("loss", "Training loss", "Step", "Loss", ())


def log(folder: Path, curves: dict[str, list[float]], **options: Any) -> Path:
    """Writes one event file and gives it."""
    from torch.utils.tensorboard import SummaryWriter

    before = set(folder.glob("*"))
    with SummaryWriter(folder, **options) as writer:
        for tag, values in curves.items():
            for step, value in enumerate(values):
                writer.add_scalar(tag, value, step + (options.get("purge_step") or 0))
        writer.add_text("note", "not a number")
    (file,) = set(folder.glob("*")) - before
    return file


def test_a_folder_and_its_file_give_the_scalars_of_a_tag(tmp_path: Path) -> None:
    file = log(tmp_path / "logs", {"train/loss": [0.5, 0.25, 0.125], "lr": [1.0]})
    for text in (file.parent, file):
        (curve,) = Asked(f"{text}:train/loss").beside(LOSS)
        assert curve.name == f"{tmp_path.name}/logs: train/loss"
        assert (curve.x, curve.y, curve.steps) == ((0.0, 1.0, 2.0), (0.5, 0.25, 0.125), True)


def test_folders_below_are_runs_with_a_curve_each(tmp_path: Path) -> None:
    log(tmp_path / "logs" / "a", {"loss": [0.5]})
    log(tmp_path / "logs" / "b", {"loss": [0.25], "other": [1.0]})
    found = Asked(str(tmp_path / "logs")).beside(LOSS)  # the tag is called as the axis
    assert [(one.name, one.y) for one in found] == [
        (f"{tmp_path.name}/logs/a: loss", (0.5,)),
        (f"{tmp_path.name}/logs/b: loss", (0.25,)),
    ]
    assert len(Asked(f"{tmp_path / 'logs'}:other").beside(LOSS)) == 1


def test_summaries_as_tensors_are_scalars_too(tmp_path: Path) -> None:
    """As `tf.summary.scalar` and JAX's writers have them."""
    import time

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.summary import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step, value in enumerate([0.5, 0.25]):
        summary = Summary.FromString(scalar_pb("loss", value).SerializeToString())
        writer.add_event(Event(step=step, wall_time=time.time(), summary=summary))
    writer.close()
    (curve,) = Asked(str(tmp_path)).beside(LOSS)
    assert (curve.x, curve.y) == ((0.0, 1.0), (0.5, 0.25))


def test_a_writer_that_resumed_replaces_what_it_computes_anew(tmp_path: Path) -> None:
    log(tmp_path, {"loss": [0.5, 0.4, 0.3]}, filename_suffix=".1")
    log(tmp_path, {"loss": [0.2]}, purge_step=1, filename_suffix=".2")
    (curve,) = Asked(str(tmp_path)).beside(LOSS)
    assert [(x, round(y, 6)) for x, y in zip(curve.x, curve.y, strict=True)] == [(0.0, 0.5), (1.0, 0.2)]


def test_a_record_still_being_written_is_left_out(tmp_path: Path) -> None:
    file = log(tmp_path, {"loss": [0.5, 0.25]})
    for cut in (1, 20):  # in the last record, and in its checksum
        file.write_bytes(file.read_bytes()[:-cut])
    (curve,) = Asked(str(tmp_path)).beside(LOSS)
    assert curve.y == (0.5, 0.25)


def test_damage_is_named_with_its_place(tmp_path: Path) -> None:
    file = log(tmp_path, {"loss": [0.5, 0.25, 0.125]})
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"is damaged from byte \d+ on; name another"):
        Asked(str(tmp_path))
    file.write_bytes(b"what is this" * 50)
    with pytest.raises(InputError, match="is no event file of TensorBoard, or damaged"):
        Asked(str(file))
    file.write_bytes(b"")
    with pytest.raises(InputError, match="is no event file of TensorBoard, or damaged"):
        Asked(str(file))


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no event file of TensorBoard"):
        Asked(str(tmp_path))
    log(tmp_path / "texts", {})
    with pytest.raises(InputError, match="holds no scalars"):
        Asked(str(tmp_path / "texts"))
    log(tmp_path / "nan", {"loss": [float("nan")]})
    with pytest.raises(InputError, match="nan: loss has no value that is a finite number"):
        Asked(str(tmp_path / "nan")).beside(LOSS)
    with pytest.raises(InputError, match="has no scalar 'los'; it has loss"):
        Asked(f"{tmp_path / 'nan'}:los").beside(LOSS)


def test_without_tensorboard_the_line_that_installs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path, {"loss": [0.5]})
    monkeypatch.setattr("engine.extras.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"needs tensorboard, not installed here; run: pip install 'labtui\[tensorb"):
        Asked(str(tmp_path))


def test_the_app_is_answered_in_plain_values(tmp_path: Path) -> None:
    log(tmp_path, {"train/loss": [0.5], "lr": [1.0]})
    found = offered(str(tmp_path), "Step", "Loss")
    assert found == {"values": ("train/loss", "lr"), "value": None, "steps": (), "step": "step"}
    (curve,) = curves(str(tmp_path), "lr", "step")
    assert (curve["x"], curve["y"], curve["said"]) == ((0.0,), (1.0,), "")
