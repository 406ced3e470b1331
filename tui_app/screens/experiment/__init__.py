"""The page of an experiment; `screen.py` puts it together."""
