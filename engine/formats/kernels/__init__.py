"""The formats as fused loops for CPU tensors, compiled by Numba; same bits as the composed definitions beside them.

Importing this package compiles nothing: kernels are compiled, or read from the cache, on first use.
"""
