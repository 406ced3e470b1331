"""What is read of a GGUF file before its weights are."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter

from engine.errors import InputError
from engine.models.check import check_body
from engine.models.fields import longest_text
from engine.models.gguf import stored_as


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_tensor("output.weight", np.zeros((4, 32), np.float16))
    writer.add_tensor("output_norm.weight", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def test_how_many_tokens_it_takes_and_what_its_weights_are(model: str) -> None:
    assert longest_text(model) == 64
    assert stored_as(model) == "F16, F32"


def test_a_file_that_was_not_read_yet_is_said_to_be_read_later(model: str, tmp_path: Path) -> None:
    (said,) = check_body(model)
    assert said.startswith(f"{model} is read when the run starts")
    (tmp_path / "other.gguf").write_bytes(b"what is this")
    with pytest.raises(InputError, match="does not begin as a GGUF file does"):
        check_body(str(tmp_path / "other.gguf"))
