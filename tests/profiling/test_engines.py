"""What the engines that are laid side by side compute with."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engine.profiling.engines import OnnxRuntimeInt8


@pytest.mark.slow
def test_onnxruntime_multiplies_layers_without_a_bias_in_integers(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, use_cache=False
    )
    subject: Any = SimpleNamespace(model=LlamaForCausalLM(config).eval())
    ids = torch.arange(16).reshape(2, 8)
    with torch.inference_mode():
        built = OnnxRuntimeInt8().build(subject, {"input_ids": ids}, tmp_path)
        assert built.program({"input_ids": ids}).shape == (2, 8, 64)
    nodes = Counter(node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node)
    assert nodes["MatMulInteger"] == 8  # four of attention, three of the feed-forward part, the head
