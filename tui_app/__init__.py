"""The terminal app and the `labtui` command."""
