"""A part of a page that is no widget: it answers some of the page's keys."""

from tui_app.actions import Action


class Controller:
    """Takes what it needs when it is made. The action `graph.undo` calls its `action_graph_undo`, once a page has
    adopted it (`Page.adopt`).
    """

    @property
    def answers(self) -> list[str]:
        """The actions that it has a method for, by the method's name without `action_`."""
        return [name.removeprefix("action_") for name in dir(type(self)) if name.startswith("action_")]

    def live(self, action: str) -> bool:
        """Whether one of its actions would do something now."""
        return True

    def label(self, action: Action) -> str:
        """The footer's word for one of its actions."""
        return action.label
