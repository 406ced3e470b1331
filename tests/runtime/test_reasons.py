"""What libraries say, and what people are told."""

import errno

import pytest

from engine.runtime.reasons import out_of_memory, reason

TORCH = (
    "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "40000000000 bytes. Error code 12 (Cannot allocate memory)"
)
CUDA = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.10 GiB."


class OutOfMemoryError(RuntimeError):
    pass


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("x"),
        RuntimeError(TORCH),
        RuntimeError(CUDA),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("unable to mmap 9000000000 bytes from file <model.safetensors>: Cannot allocate memory (12)"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_memory_that_is_too_small_is_known(error: Exception) -> None:
    assert out_of_memory(error)
    assert "batch_size" in reason(error)


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("shape mismatch"), OSError("no")])
def test_other_errors_are_left_as_they_are(error: Exception) -> None:
    assert not out_of_memory(error)
    assert reason(error) == str(error)


def test_the_size_that_was_asked_for_is_named() -> None:
    assert "40,000,000,000 bytes at once" in reason(RuntimeError(TORCH))
    assert "20.00 MiB at once" in reason(RuntimeError(CUDA))


def test_a_library_that_memory_is_too_small_for() -> None:
    error = OSError("Could not find/load shared object file 'libllvmlite.so'")
    error.__cause__ = OSError("/venv/llvmlite/binding/libllvmlite.so: failed to map segment from shared object")
    assert out_of_memory(error)
    assert reason(error).startswith("there is not enough memory to load libllvmlite.so;")


def test_nobody_is_advised_to_run_what_a_file_brings() -> None:
    advice = "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed"
    assert "weights_only" not in reason(RuntimeError(advice))
    assert "safetensors" in reason(RuntimeError(advice))
