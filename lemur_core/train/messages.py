"""What a worker process tells its campaign, as JSON.

A campaign reads what a process full of strangers' code sends; unlike a pickle, JSON can make it do
nothing but read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lemur_core.trial import Epoch, Outcome, State, size_of, within_of

# An outcome's traceback is the longest of what is sent; more than this is no message of ours.
MAX_BYTES = 2**20

READY = "ready"
Message = Epoch | Outcome | str


class MessageError(Exception):
    """What was sent is no message."""


def encode(message: Message) -> bytes:
    """Return a message as it is sent; an outcome without its epochs, which were sent before."""
    if isinstance(message, str):
        return json.dumps(message).encode()
    if isinstance(message, Outcome):
        message = replace(message, epochs=())
    return json.dumps({type(message).__name__: vars(message)}).encode()


def decode(sent: bytes) -> Message:
    """Return the message that was sent.

    Raises:
        MessageError: It is none.
    """
    try:
        facts = json.loads(sent)
        if facts == READY:
            return READY
        [(name, values)] = facts.items()
        return _READ[name](values)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise MessageError from error


def _epoch(values: dict[str, Any]) -> Epoch:
    loss = values["loss"]
    return Epoch(
        int(values["number"]),
        None if loss is None else float(loss),
        float(values["validation"]),
        float(values["accuracy"]),
        int(values["duration_ns"]),
        {
            str(name): (float(validation), float(accuracy))
            for name, (validation, accuracy) in values["scores"].items()
        },
        within_of(values["within"]),
        size_of(values["size"]),
    )


def _outcome(values: dict[str, Any]) -> Outcome:
    return Outcome(
        State(values["state"]),
        (),
        str(values["reason"]),
        str(values["traceback"]),
        bool(values["misfit"]),
        bool(values["out_of_memory"]),
        bool(values["corrupt"]),
    )


_READ: dict[str, Callable[[dict[str, Any]], Message]] = {"Epoch": _epoch, "Outcome": _outcome}
