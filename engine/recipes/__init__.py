"""Whole tasks as files: the labs' exercises, and published tables with their values."""
