"""A part of a page or widget that is no widget: it answers some of its keys."""

from typing import Any, TypeVar

from tui_app.actions import Action
from tui_app.living import Living


class Controller:
    """Takes what it needs when it is made. The action `graph.undo` calls its `action_graph_undo`, once a page or widget
    that binds the action has adopted it.
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


Part = TypeVar("Part", bound=Controller)


class Adopting(Living):
    """A page or widget whose actions are its own methods and those of the controllers that it adopts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering: dict[str, Controller] = {}

    def adopt(self, controller: Part) -> Part:
        """From now on the controller's actions belong to this, but for those that it has a method for itself."""
        for action in controller.answers:
            method = f"action_{action}"
            self._answering[action] = controller
            if not hasattr(type(self), method):
                setattr(self, method, getattr(controller, method))
        return controller

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Footer, help and palette show only what would do something."""
        controller = self._answering.get(action)
        return super().check_action(action, parameters) if controller is None else controller.live(action)
