"""Finding out whether the hub is there."""

import socket

import huggingface_hub
import pytest
from huggingface_hub import constants

from engine.errors import InputError
from engine.models import hub


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """A port that listens, which the hub's address is; without proxies."""
    listening = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
    monkeypatch.setattr(hub, "getproxies", dict)
    return listening


def test_a_hub_that_listens_is_there(served: socket.socket) -> None:
    with served:
        hub.reach_hub()


def test_one_that_does_not_is_told_without_asking_its_library(
    served: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.close()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: pytest.fail("asked for half a minute"))
    with pytest.raises(InputError, match="cannot be reached"):
        hub.hub_config("nobody/nothing-of-this-name")


def test_behind_a_proxy_its_library_finds_out(served: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    served.close()
    monkeypatch.setattr(hub, "getproxies", lambda: {"https": "http://proxy:3128"})
    hub.reach_hub()
