"""The Formats page; `screen.py` puts it together."""
