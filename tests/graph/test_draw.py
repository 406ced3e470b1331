"""Files: DOT that hangs together, Markdown and JSON that say what the graph says; graphviz where it is."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.graph import draw
from engine.graph.analyses import summary
from tests.graph.models import Perceptron, Undecided, captured, program

EDGE = re.compile(r'^  ("[^"]*") -> ("[^"]*");$', re.MULTILINE)
DECLARED = re.compile(r'^ +("[^"]*") \[label=', re.MULTILINE)


@pytest.mark.parametrize("module", ["", "bert.encoder.layer.0", "bert.embeddings", "classifier"])
def test_dot_hangs_together(module: str) -> None:
    text = draw.dot(captured().graph, module)
    assert text.count("{") == text.count("}")
    declared = DECLARED.findall(text)
    assert len(declared) == len(set(declared))
    ends = {end for edge in EDGE.findall(text) for end in edge}
    assert ends <= set(declared)


def test_dot_has_every_node_that_computes_and_every_edge_between_them() -> None:
    graph = captured().graph
    text = draw.dot(graph)
    drawn = {node.name for node in graph.nodes if node.kind in draw.DRAWN}
    assert {name.strip('"') for name in DECLARED.findall(text)} == drawn
    edges = {(one, node.name) for node in graph.nodes for one in node.inputs if {one, node.name} <= drawn}
    assert {(one.strip('"'), other.strip('"')) for one, other in EDGE.findall(text)} == edges
    boxes = {""} | {
        ".".join(parts[:end])
        for node in graph.operators
        for parts in [node.module.split(".")]
        for end in range(1, len(parts) + 1)
        if node.module
    }
    assert text.count("subgraph") == len(boxes)


def test_a_subtree_shows_its_neighbours_dashed() -> None:
    text = draw.dot(captured().graph, "classifier")
    assert '"dropout_5" [label="dropout\\nbatch×32", style=dashed];' in text
    assert '"linear_13"' in text
    assert "embedding" not in text


def test_a_model_without_a_graph_is_drawn_by_its_modules() -> None:
    text = draw.dot(program(Undecided()).graph)
    assert '"layer" [label="Linear"]' in text


def test_markdown_says_what_the_graph_says() -> None:
    graph = captured().graph
    text = draw.markdown(graph)
    numbers = summary(graph)
    assert (
        f"| {graph.model} | {graph.model} | {numbers['operators']} | {numbers['parameters']:,} | {numbers['flops']:,} |"
        in text
    )
    assert "## Dropout" in text
    assert "| linear | 14 |" in text
    part = draw.markdown(graph, "bert.encoder.layer.0")
    assert part.startswith(f"# {graph.heading}: bert.encoder.layer.0\n")
    assert "## " not in part


def test_json_is_strict_and_whole_or_a_part(tmp_path: Path) -> None:
    graph = captured().graph
    draw.write(graph, tmp_path / "all.json")
    whole = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert [node["name"] for node in whole["nodes"]] == [node.name for node in graph.nodes]
    assert whole["summary"] == summary(graph)
    part = json.loads(draw.document(graph, "bert.pooler"))
    assert {node["module"] for node in part["nodes"]} <= {"bert.pooler", "bert.pooler.dense", "bert.pooler.activation"}
    assert len(part["nodes"]) == 6  # a slice, a select, weight, bias, linear, tanh


def test_names_with_quotes_do_no_harm() -> None:
    assert draw._quoted('a"b\\c\n') == '"a\\"b\\\\c\\n"'


def test_a_name_from_outside_is_text_in_every_kind() -> None:
    graph = replace(captured().graph, model="a\x1b]0;owned\x07_b_ <img src=x>")
    text = draw.markdown(graph)
    assert r"a_b\_ \<img src=x\>" in text
    assert "· " in text
    for drawn in (text, draw.dot(graph), draw.document(graph)):
        assert "\x1b" not in drawn
        assert "\x07" not in drawn


@pytest.fixture
def graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program dot that writes down how it was called; where it reads "bad", it fails."""
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "dot"
    script.write_text(
        '#!/bin/sh\ntext=$(cat)\ncase "$text" in *bad*) echo "syntax error in line 1" >&2; exit 1;; esac\n'
        'echo "$1 $2 $text" > "$3"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/bin:/usr/bin")
    return script


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_drawings_are_graphvizs(graphviz: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"drawing.{ending}"
    graph = program(Perceptron()).graph
    draw.write(graph, path)
    written = path.read_text()
    assert written.startswith(f"-T{ending} -o digraph model {{")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [path.name]


def test_what_graphviz_refuses_is_told(graphviz: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"graphviz could not draw this: syntax error in line 1\."):
        draw._draw("bad", "svg", tmp_path / "x.svg")


def test_without_graphviz_it_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"graphviz is not on this machine .* write a \.dot, \.md or \.json file"):
        draw.write(program(Perceptron()).graph, tmp_path / "x.svg")
    draw.write(program(Perceptron()).graph, tmp_path / "x.dot")


@pytest.mark.parametrize(
    ("name", "module", "sentence"), [("x.gif", "", "ends in .dot"), ("x.md", "nobody", "has no module nobody")]
)
def test_files_and_modules_that_there_are_not(tmp_path: Path, name: str, module: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        draw.write(program(Perceptron()).graph, tmp_path / name, module)
