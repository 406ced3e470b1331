"""The scores, in each file those that look at the same.

A file here with `SCORES`, a tuple of `Score`, is all that a new score needs (docs/develop.md).
"""
