"""Modules of the user's own, named as `file.py:function`: what reading the file says, and what running it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.models.own_module import load_module
from engine.models.probe import noted, probed
from engine.models.python_file import absolute_python, read_python
from engine.models.sources import absolute_source, locate

FILE = """
from typing import Literal

import torch
from torch import nn

MEAN, STD = (0.5,), [0.25]


class Net(nn.Module):
    def __init__(self, width: int = 4, *, act: Literal["relu", "gelu"] = "relu", deep=True, rate=0.5, other=None):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.last = nn.Linear(width, 3)

    def forward(self, x):
        return self.last(self.conv(x).mean((2, 3)))


def net(width: int = 4):
    return Net(width)


def needs(depth, width=3, *, classes):
    return Net()


def nothing():
    pass


def fails():
    raise RuntimeError("no weights here.\\nA second line")


def leaves():
    raise SystemExit(3)


def two():
    class Two(Net):
        def forward(self, x, y):
            return x
    return Two()


def hidden():
    return nn.Sequential(nn.Flatten(0), nn.LazyLinear(3)) if False else nn.Sequential(nn.Conv2d(1, 3, 3))


def empty():
    return nn.ReLU()


def stuck():
    class Stuck(Net):
        def train(self, mode=True):
            return self
    return nn.Sequential(Stuck())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(FILE)
    return path


def test_a_function_is_read_with_its_plain_defaults_and_nothing_runs(file: Path) -> None:
    file.write_text(FILE + "\nraise RuntimeError\n")
    found = read_python(f"{file}:Net")
    assert found.arguments == {"width": 4, "act": "relu", "deep": True, "rate": 0.5}
    assert found.choices == {"act": ("relu", "gelu")}
    assert (found.path, found.function, found.text) == (file, "Net", file.read_text())
    assert len(found.digest) == 64
    located = locate(f"{file}:net")
    assert (located.kind, located.path, located.part) == ("python", file, "net")


def test_paths_become_absolute(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert absolute_source("net.py:net") == f"{file}:net"
    assert absolute_python("none.py:net") == "none.py:net"
    assert absolute_source("builtin") == "builtin"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.py:net", r"none\.py does not exist; name a Python file that does"),
        ("net.py", r"net\.py names no function; write net\.py:FUNCTION \(it has Net, net, needs,"),
        ("net.py:Nett", r"net\.py has no function 'Nett'; did you mean [nN]et\?"),
        ("net.py:MEAN", r"net\.py has no function .MEAN.; it has Net, net,"),
        ("net.py:needs", r"net\.py:needs needs depth and classes, .* give each a default"),
        ("net.py:nothing", r"net\.py:nothing returned nothing \(None\) and no torch\.nn\.Module"),
        ("net.py:fails", r"RuntimeError at net\.py, line \d+ \(no weights here\); correct the file"),
        ("net.py:leaves", r"SystemExit at net\.py, line \d+ \(3\)"),
        ("net.py:two", r"needs x and y; labtui gives it one input by name"),
        ("net.py:empty", r"has no weights"),
        ("net.py:stuck", r"stays in training mode after eval\(\); let its train\(mode\) set the mode"),
        ("broken.py:net", r"broken\.py, line 2 is no Python \(.*\); correct it"),
        ("missing.py:net", r"missing\.py cannot be run: ModuleNotFoundError at missing\.py, line 1 \(No module named"),
        ("bytes.py:net", r"bytes\.py is no UTF-8 text \(byte 1\)"),
        ("std.py:net", r"STD of std\.py has an entry that is not above 0"),
    ],
)
def test_what_is_wrong_is_one_sentence(file: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "broken.py").write_text("def net():\n  return (\n")
    (file.parent / "missing.py").write_text("import no_such_thing\ndef net():\n    return 1\n")
    (file.parent / "bytes.py").write_bytes(b"#\xff\n")
    (file.parent / "std.py").write_text(FILE.replace("[0.25]", "[0.0]"))
    monkeypatch.chdir(file.parent)
    with pytest.raises(InputError, match=message) as raised:
        load_module(source)
    assert "\n" not in str(raised.value)


def test_a_module_is_float32_in_evaluation_mode_with_its_means(file: Path) -> None:
    file.write_text(FILE + "\ndef half():\n    return Net(2).train().half()\n")
    found = load_module(f"{file}:half")
    assert not found.model.training
    assert next(found.model.parameters()).dtype.is_floating_point
    assert (found.stored, found.input, found.mean, found.std) == ("float16", "x", (0.5,), (0.25,))


def test_a_file_may_have_a_name_that_is_not_utf8(file: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(file.parent) + b"/\xfe"))
    folder.mkdir()
    file = file.rename(folder / file.name)
    assert noted(f"{file}:net") is None
    assert load_module(f"{file}:net").file.path == file


@pytest.mark.slow
def test_facts_are_told_by_another_process_and_kept_for_the_text(file: Path) -> None:
    source = f"{file}:net"
    assert noted(source) is None
    facts = probed(source, (8, 8))
    assert (facts.input, facts.classes, facts.mean) == ("x", 3, (0.5,))
    assert {name: layer.shape for name, layer in facts.layers.items()} == {"conv": (4, 1, 3, 3), "last": (3, 4)}
    assert facts.tensors["last.weight"] == ((3, 4), 48)
    assert facts.activations == (8 * 8 + 4 * 6 * 6, 4 * 6 * 6 + 3)
    assert noted(source) is not None
    file.write_text(file.read_text() + "\n# changed\n")
    assert noted(source) is None
    with pytest.raises(InputError, match=r"gives a tensor of the shape \[2, 3, 6, 6\] for inputs .* logits of"):
        probed(f"{file}:hidden", (8, 8))
    (file.parent / "loud.py").write_text("import os\nprint('hello')\ndef net():\n    os._exit(5)\n")
    with pytest.raises(InputError, match=r"ended the process that ran it \(exit code 5\)"):
        probed(f"{file.parent / 'loud.py'}:net")


def test_reading_a_file_takes_no_torch(file: Path) -> None:
    code = (
        "import sys\nfrom engine.models.python_file import read_python\nfrom engine.models import probe\n"
        f"read_python({f'{file}:net'!r})\nassert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
