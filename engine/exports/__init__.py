"""Exports that keep the bits: a compressed model as a file of another program, which is loaded there and scored."""
