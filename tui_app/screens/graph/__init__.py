"""The Graph page; `screen.py` puts it together."""
