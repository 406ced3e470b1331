"""Steps under the profiler: operators, layers, phases."""

import json
from pathlib import Path

import pytest
import torch

from engine.profiling.specimen import Specimen, model_of, specimen
from engine.profiling.steps import measure


def encoder() -> Specimen:
    return specimen("encoder", model_of("encoder", 16), dtype=torch.float32, device="cpu", batch=2, sequence=4)


def test_inference_by_operator_and_layer(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    one = encoder()
    found = measure(
        one,
        "cpu",
        training=False,
        steps=3,
        repeats=4,
        keep=lambda profiler: profiler.export_chrome_trace(str(path)),
    )
    operators = {spent.name: spent for spent in found.operators}
    assert operators["aten::addmm"].calls == 6  # four projections, two of the MLP, in each step
    assert operators["aten::native_layer_norm"].calls == 2
    assert not any(name.startswith(("layer:", "phase:")) for name in operators)
    assert [spent.own for spent in found.operators] == sorted((s.own for s in found.operators), reverse=True)
    layers = {spent.name: spent for spent in found.layers}
    assert set(layers) == {name for name, _ in one.model.named_modules()}
    assert (layers["mlp"].kind, layers["mlp"].calls) == ("MLP", 1)
    for outer, inner in (("mlp", ("mlp.up", "mlp.down")), ("", ("attention", "mlp", "before_attention", "before_mlp"))):
        assert abs(layers[outer].own + sum(layers[name].total for name in inner) - layers[outer].total) < 1e-9
    assert [phase.name for phase in found.phases] == ["forward"]
    assert 0 < found.phases[0].total <= found.profiled
    assert found.memory > 0
    names = {event.get("name") for event in json.loads(path.read_text())["traceEvents"]}
    assert {"layer:mlp.up", "aten::addmm"} <= names
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in one.model.modules())


def test_training_goes_back_and_changes_the_weights() -> None:
    one = encoder()
    before = {name: tensor.clone() for name, tensor in one.model.state_dict().items()}
    found = measure(one, "cpu", training=True, steps=2, repeats=4, keep=None)
    assert {phase.name for phase in found.phases} == {"forward", "backward", "optimizer"}
    assert any("backward" in spent.name for spent in found.operators)
    assert any(not torch.equal(before[name], tensor) for name, tensor in one.model.state_dict().items())
    assert one.model.training


@pytest.mark.gpu
@pytest.mark.parametrize("training", [False, True])
def test_on_a_gpu_the_kernels_count_for_their_operators(training: bool) -> None:
    model = model_of("encoder", 64)
    one = specimen("encoder", model, dtype=torch.float32, device="cuda", batch=8, sequence=64)
    found = measure(one, "cuda", training=training, steps=2, repeats=4, keep=None)
    names = {spent.name for spent in found.operators}
    assert "aten::addmm" in names
    assert not any("kernel" in name.lower() for name in names)
    assert {phase.name for phase in found.phases} >= {"forward"}
    assert all(phase.own > 0 for phase in found.phases)
    assert sum(spent.own for spent in found.layers) > 0
