"""What is read of a GGUF file before its weights are."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter

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
