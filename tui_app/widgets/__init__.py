"""Widgets that know nothing of screens: curves, forms, tables of points, logs."""
