"""What a worker process tells its campaign, as JSON.

A campaign reads what a process full of strangers' code sends; unlike a pickle, JSON can make it do
nothing but read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.trial import Epoch, Outcome

# An outcome's traceback is the longest of what is sent; more than this is no message of ours.
MAX_BYTES = 2**20

READY = "ready"
Message = Epoch | Outcome | str
_KINDS: dict[str, type[Epoch | Outcome]] = {"Epoch": Epoch, "Outcome": Outcome}
# Of an outcome, what the campaign knows itself.
_CAMPAIGNS: dict[str, Any] = {"epochs": (), "prediction": None}


class MessageError(Exception):
    """What was sent is no message."""


def encode(message: Message) -> bytes:
    """Return a message as it is sent; an outcome without its epochs, which were sent before."""
    if isinstance(message, str):
        return json.dumps(message).encode()
    if isinstance(message, Outcome):
        message = replace(message, **_CAMPAIGNS)
    return json.dumps({type(message).__name__: to_json(message)}).encode()


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
        message = from_json(_KINDS[name], values)
        return replace(message, **_CAMPAIGNS) if isinstance(message, Outcome) else message
    except DECODING_ERRORS as error:
        raise MessageError from error
