"""The MXINT8 kernels beside their alternatives and the copy limit."""
