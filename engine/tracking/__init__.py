"""Runs in a team's own tracker: a module here for each, as `TRACKER`."""
