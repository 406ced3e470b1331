"""The Hugging Face hub: whether it is there, what it holds of a model, and what is said where it gives nothing."""

import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from engine.errors import InputError

SECONDS = 10.0
CONNECT_SECONDS = 3.0


def reach_hub() -> None:
    """Connects to the hub and leaves: its library tries for half a minute before it says that there is no network.

    Behind a proxy the library is left to find out.

    Raises:
        OSError: there is no way to the hub.
    """
    from huggingface_hub.constants import ENDPOINT

    address = urlsplit(ENDPOINT)
    if not getproxies():
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS).close()


def hub_config(name: str) -> Path:
    """config.json of a model on the hub; from the hub's local cache where it is there."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(name, "config.json")
    if isinstance(cached, str):
        return Path(cached)
    try:
        reach_hub()
        return Path(hf_hub_download(name, "config.json", etag_timeout=SECONDS))
    except Exception as error:
        raise hub_problem(name, "model", error) from None


def hub_problem(name: str, kind: Literal["model", "dataset"], error: Exception) -> InputError:
    """The sentence for something the hub did not give."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    what = "model" if kind == "model" else "data set"
    if isinstance(error, GatedRepoError):
        return InputError(f"the {what} {name} is gated: accept its terms on huggingface.co and set HF_TOKEN.")
    if isinstance(error, RepositoryNotFoundError):
        return InputError(
            f"neither a local path nor a {what} on the Hugging Face hub is called {name}; check its name."
        )
    return InputError(
        f"no local path is called {name} and the Hugging Face hub cannot be reached for it ({_first_line(error)}); "
        "connect to the network, or use a local folder or builtin."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120].rstrip(".")
