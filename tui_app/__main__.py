"""`labtui`: with arguments the command, without the app. Only what is asked for is imported."""

import sys


def main() -> None:
    """The console script."""
    if len(sys.argv) == 1:
        from tui_app.app import run

        sys.exit(run())
    from tui_app.command.main import cli

    cli()


if __name__ == "__main__":
    main()
