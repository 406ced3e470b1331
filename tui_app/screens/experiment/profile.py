"""The Profile page."""

from tui_app.screens.experiment.screen import ExperimentScreen


class ProfileScreen(ExperimentScreen):
    """Why a model is not faster, or not smaller: six studies."""

    TAB = "profile"
    EXPERIMENT = "profile"
    HELP = (
        "Choose a study; the form shows its settings. ctrl+r starts it from any field. The figure shows what was "
        "measured, the details say what it means and list every number; [ and ] turn to the points."
    )
