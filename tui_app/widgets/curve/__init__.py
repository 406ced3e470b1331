"""Figures on the terminal: `CurveView` is the widget; the other modules are pure and draw one figure into cells."""

from tui_app.widgets.curve.view import CurveView

__all__ = ["CurveView"]
