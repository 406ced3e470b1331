"""Every way to compute attention, against float64 and with its memory."""

import math

import pytest
import torch
from torch.nn import functional

from engine.profiling import attention
from engine.profiling.attention import Shape, Way, measure, naive, reference
from engine.profiling.peak import peak_bytes


@pytest.mark.parametrize("causal", [False, True])
def test_naive_is_the_definition(causal: bool) -> None:
    """Row by row in float64, by hand."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 5, 4, dtype=torch.float64) for _ in range(3))
    expected = torch.empty_like(v)
    for head in range(2):
        for row in range(5):
            seen = row + 1 if causal else 5
            weights = [math.exp(float(q[0, head, row] @ k[0, head, other]) / 2) for other in range(seen)]
            total = sum(w * v[0, head, other] for other, w in enumerate(weights))
            expected[0, head, row] = total / sum(weights)  # type: ignore[operator]
    assert torch.allclose(naive(q, k, v, causal), expected, rtol=1e-12)
    assert torch.allclose(reference(q, k, v, causal), expected, rtol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_the_reference_holds_few_rows_of_scores(causal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = (torch.randn(1, 2, 300, 8) for _ in range(3))
    whole = reference(q, k, v, causal)
    monkeypatch.setattr(attention, "REFERENCE_SCORES", 300 * 7)
    assert torch.allclose(reference(q, k, v, causal), whole, rtol=1e-12)
    assert peak_bytes(lambda: reference(q, k, v, causal), "cpu") < 300 * 300 * 8


@pytest.mark.parametrize("causal", [False, True])
def test_every_backend_computes_the_same(causal: bool) -> None:
    ways = measure(Shape(2, 33, 8, torch.float32, causal), "cpu", 4, 0, lambda text: None)
    assert [way.name for way in ways] == ["naive", "math", "flash"]
    for way in ways:
        assert way.difference is not None
        assert way.difference < 1e-5
        assert way.time is not None
        assert way.memory


def test_naive_holds_the_matrix_of_scores_and_flash_does_not() -> None:
    shape = Shape(2, 512, 8, torch.float32, False)
    found = {way.name: way.memory or 0 for way in measure(shape, "cpu", 4, 0, lambda text: None)}
    scores = 2 * 512 * 512 * 4
    assert found["naive"] >= scores
    assert found["flash"] < scores


def test_what_cannot_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.nn.attention import SDPBackend

    backends = {"cpu": {"efficient": SDPBackend.EFFICIENT_ATTENTION}}  # there is none for CPUs
    monkeypatch.setattr(attention, "BACKENDS", backends)
    first, second = measure(Shape(1, 8, 8, torch.float32, False), "cpu", 4, 0, lambda text: None)
    assert first.time is not None
    assert second == Way("efficient", note="no kernel for this shape and type here")


def test_running_out_of_memory_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, is_causal: bool) -> torch.Tensor:
        raise torch.OutOfMemoryError("tried to allocate")

    monkeypatch.setattr(functional, "scaled_dot_product_attention", full)
    ways = measure(Shape(1, 8, 8, torch.float32, False), "cpu", 4, 0, lambda text: None)
    assert [way.note for way in ways] == ["", "out of memory", "out of memory"]


def test_peak_counts_what_is_held_at_once() -> None:
    def one_after_the_other() -> None:
        for _ in range(3):
            torch.empty(1000, dtype=torch.uint8)

    def together() -> list[torch.Tensor]:
        return [torch.empty(1000, dtype=torch.uint8) for _ in range(3)]

    assert 1000 <= peak_bytes(one_after_the_other, "cpu") < 2000
    assert 3000 <= peak_bytes(together, "cpu") < 4000


@pytest.mark.gpu
def test_on_a_gpu_all_backends_that_run_are_near_float64() -> None:
    ways = measure(Shape(8, 256, 64, torch.float16, True), "cuda", 5, 0, lambda text: None)
    assert [way.name for way in ways] == ["naive", "math", "flash", "efficient", "cudnn"]
    ran = {way.name for way in ways if way.time is not None}
    assert ran >= {"naive", "math"}
    assert all((way.difference or 0) < 0.02 for way in ways)
