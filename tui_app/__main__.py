"""`labtui`: with arguments the command, without the app. Only what is asked for is imported."""

import gc
import os
import sys


def main() -> None:
    """The console script."""
    try:
        _run()
    finally:
        gc.freeze()  # an exit otherwise looks through all that was imported for what nobody needs: 0.2 s


def _run() -> None:
    if len(sys.argv) == 1 and "_LABTUI_COMPLETE" not in os.environ:
        from tui_app.terminal import open_app

        sys.exit(open_app())
    from tui_app.command.main import main as command

    command()


if __name__ == "__main__":
    main()
