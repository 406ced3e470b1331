"""The Quantize page."""

from tui_app.screens.experiment.screen import ExperimentScreen


class QuantizeScreen(ExperimentScreen):
    """Sweeps number formats over a model."""

    TAB = "quantize"
    EXPERIMENT = "quantize"
    HELP = (
        "Which formats to try on which model. ctrl+r starts the sweep from any field; it runs on its own and is "
        "shown here as it goes. The command below the form does the same; y copies it."
    )
