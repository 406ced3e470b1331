"""Home; `screen.py` puts it together."""
