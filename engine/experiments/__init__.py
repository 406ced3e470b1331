"""Experiments: one file each, and the few modules that start them and read their results."""
