"""The families of formats: in each file how they are written, and what they are.

A file here with `FAMILIES`, a tuple of `Family`, is all that a new format needs (docs/develop.md).
"""
