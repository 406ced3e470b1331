"""Measurements: ours beside the alternative in one run, as ratios of medians."""
