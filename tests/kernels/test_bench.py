"""The bench measures what it says; how fast is not tested."""

import math
from collections.abc import Callable, Iterable

import pytest
import torch

from cuda_kernels import bench, timing
from cuda_kernels.bench_contenders import contenders, eager
from tests.kernels.oracle import all_pairs, decoded, rounded, same


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_CACHE_BYTES", {"cpu": 1 << 16})


@pytest.mark.usefixtures("small")
def test_wrong_and_broken_contenders_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no compiler\nand a long trace")

    wrong = {"wrong": lambda mantissa, scale, out: out.zero_(), "broken": broken}
    monkeypatch.setattr(bench, "contenders", lambda *arguments: wrong)
    result = {m.name: m for m in bench.measure(elements=1000, repeats=4)}
    assert list(result) == ["copy", "labtui", "wrong", "broken"]
    assert result["wrong"].note == "another result than ours"
    assert result["broken"].note == "RuntimeError: no compiler"
    assert math.isnan(result["broken"].median)
    assert result["copy"].share_of_copy == 1
    assert result["labtui"].bytes == 992 + 31 + 2 * 992
    assert 0 < result["labtui"].low <= result["labtui"].median <= result["labtui"].high
    lines = bench.table(list(result.values())).splitlines()
    assert len(lines) == 6
    assert {line.split(" | ")[-1] for line in lines[4:]} == {
        "another result than ours |",
        "RuntimeError: no compiler |",
    }


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--group", "4"], "group is 4: choose a whole number from 8 to 512"),
        (["--elements", "10"], "give 2 repeats or more and at least 32 elements, not 50 and 10"),
        (["--repeats", "1"], "give 2 repeats or more"),
    ],
)
def test_the_command_tells_what_it_cannot_do(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--device", "cpu", *arguments])
    with pytest.raises(SystemExit) as stopped:
        bench.main()
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_disturbed_kernel_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(call: Callable[..., object], arguments: Iterable[torch.Tensor]) -> tuple[float, bool]:
        call(*arguments)
        return 1.0, call is torch.Tensor.copy_

    monkeypatch.setattr(timing, "time_on_cpu", timed)
    monkeypatch.setattr(timing, "PATIENCE", 0)
    monkeypatch.setattr(bench, "contenders", lambda *arguments: {})
    assert [m.note for m in bench.measure(elements=1000, repeats=4)] == ["", "disturbed by other processes"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_eager_torch_is_a_fair_contender(dtype: torch.dtype) -> None:
    mantissa, scale = all_pairs(32)
    result = eager(mantissa.reshape(-1), scale.reshape(-1), torch.empty(65_536, dtype=dtype), 32)
    assert same(result, rounded(decoded(mantissa, scale, 32), dtype).reshape(-1))


def test_an_error_may_have_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: torch.Tensor) -> torch.Tensor:
        raise AssertionError

    monkeypatch.setattr(bench, "_CACHE_BYTES", {"cpu": 1 << 16})
    monkeypatch.setattr(bench, "contenders", lambda *arguments: {"broken": broken})
    assert bench.measure(elements=1000, repeats=2)[-1].note == "AssertionError"


@pytest.mark.slow
def test_every_setting_of_a_process_is_compiled() -> None:
    """torch.compile gives up on a function that it has compiled eight times, and then runs it as it is."""
    counters = torch._dynamo.utils.counters
    for length in range(32, 352, 32):
        mantissa, scale = all_pairs(32)
        decode = contenders("cpu", 32, torch.float32)["torch.compile"]
        before = counters["stats"]["unique_graphs"]
        decode(mantissa.reshape(-1)[:length], scale.reshape(-1)[: length // 32], torch.empty(length))
        assert counters["stats"]["unique_graphs"] == before + 1


def test_triton_is_asked_only_on_a_gpu() -> None:
    assert list(contenders("cpu", 32, torch.bfloat16)) == ["torch eager", "torch.compile"]
