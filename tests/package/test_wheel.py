"""What is published: a wheel that works from another folder, in an environment without the development extra."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("tui_app", "engine", "cuda_kernels")
SWEEP = "run quantize --set widths=4 --set eval_samples=20 --set device=cpu --json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        if name.startswith(PACKAGES) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `labtui` of a new environment that holds the wheel, and sees the packages installed here beneath it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*command, "--no-deps", str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "beneath.pth").write_text("\n".join(here) + "\n")
    return folder / "bin" / "labtui"


def imported(package: str) -> Iterator[tuple[str, Path]]:
    """Top-level names of other packages that the code imports, wherever in a file."""
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            yield from ((name.partition(".")[0], file) for name in names)


NOT_IN_DEV = {"torchao": "torchao", "mlflow": "mlflow-skinny", "trackio": "trackio"}
"""Modules of extras that are too large to be installed for every test run, and what brings them."""


def test_code_imports_only_what_it_declares() -> None:
    extras = [line for name, lines in PROJECT["optional-dependencies"].items() if name != "dev" for line in lines]
    declared = {normal(re.split(r"[\[<>=!~ ;]", line)[0]) for line in PROJECT["dependencies"] + extras}
    declared |= {"pydantic-core"}  # a part of pydantic
    known = {module: {normal(name) for name in names} for module, names in packages_distributions().items()}
    missing = {
        f"{file.relative_to(ROOT)} imports {module}"
        for package in PACKAGES
        for module, file in imported(package)
        if module not in (*PACKAGES, *sys.stdlib_module_names, "cuda", "triton")
        and not known.get(module, {NOT_IN_DEV.get(module)}) & declared
    }
    assert not missing


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.slow
def test_wheel_holds_styles_types_and_licence_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    styles = {str(path.relative_to(ROOT)) for path in (ROOT / "tui_app").rglob("*.tcss")}
    assert styles <= set(names)
    recipes = {str(path.relative_to(ROOT)) for path in (ROOT / "engine" / "recipes").glob("*.toml")}
    assert recipes
    assert recipes <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--help", "--version", "formats", "doctor", SWEEP])
def test_installed_wheel_works_from_another_folder(installed: Path, builtin: Path, tmp_path: Path, words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [installed, *words.split()], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
