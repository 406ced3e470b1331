r"""What a node says while it computes a task: a line of JSON, then bytes as they are. Never a Python object.

>>> kind, facts, data = unpacked(packed("printed", b"step 1\n"))
>>> kind, facts, data
('printed', {}, b'step 1\n')
"""

from typing import Any

from engine.runtime.encoding import dumps, loads

BEGUN, REFUSED, ENDED = "begun", "refused", "ended"
"""A node has the task; it cannot compute it; how the child ended."""
LINES, PRINTED, PIECE, WHOLE = "lines", "printed", "piece", "whole"
"""Lines of the attempt log; raw output; a piece of a file; the file is whole."""


def packed(kind: str, data: bytes = b"", **facts: Any) -> bytes:
    """One message."""
    return dumps({"kind": kind, **facts}).encode() + b"\n" + data


def unpacked(message: bytes) -> tuple[str, dict[str, Any], bytes]:
    """Kind, facts and bytes of a message. Raises ValueError for what is none."""
    head, _, data = bytes(message).partition(b"\n")
    facts = loads(head)
    return str(facts.pop("kind", "")), facts, data
