"""The page of one run; `screen.py` puts it together."""
