"""Compiled against eager."""
