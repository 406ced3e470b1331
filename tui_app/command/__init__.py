"""The `labtui` command: everything that the screens do, for scripts and for people who like to type."""
