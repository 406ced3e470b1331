"""Runs as the screens see them: the filter language, a row per run, and the one place that polls."""
