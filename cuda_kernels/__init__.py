"""MXINT8: eight-bit integers that share a power-of-two scale, on CPUs (Numba) and NVIDIA GPUs (Numba CUDA).

`dequantize` and `quantize` turn tensors into (mantissa, scale) pairs and back, `MXInt8Linear` keeps its weight packed,
`account` says where a model's bytes are, and `python -m cuda_kernels.bench` measures against the alternatives.
"""

from cuda_kernels.api import available_backends, dequantize, quantize
from cuda_kernels.linear import MXInt8Linear
from cuda_kernels.memory import account

__all__ = ["MXInt8Linear", "account", "available_backends", "dequantize", "quantize"]
