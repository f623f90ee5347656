"""What a worker process tells its campaign, as JSON.

A campaign reads what a process full of strangers' code sends; unlike a pickle, JSON can make it do
nothing but read. Each message says whose it is: the process that trains holds a net, and may send
anything; the process that started it holds none, and its word is believed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.trial import Epoch, Outcome

# An outcome's traceback is the longest of what is sent; more than this is no message of ours.
MAX_BYTES = 2**20

READY = "ready"


@dataclass(frozen=True)
class Began:
    """The process of a trial began.

    Attributes:
        pid: Its process id.
    """

    pid: int


@dataclass(frozen=True)
class Ended:
    """The process of a trial ended, and all that it had started.

    Attributes:
        code: Its exit status, minus the number of the signal that ended it; None if it was ended
            because the campaign wanted it.
    """

    code: int | None


Message = Epoch | Outcome | Began | Ended | str
_KINDS: dict[str, type[Epoch | Outcome | Began | Ended]] = {
    kind.__name__: kind for kind in (Epoch, Outcome, Began, Ended)
}
# Of an outcome, what the campaign knows itself.
_CAMPAIGNS: dict[str, Any] = {"epochs": (), "prediction": None}
_OUTCOME = b'{"Outcome"'


class MessageError(Exception):
    """What was sent is no message, or none that can be sent at that point."""


class Frame(NamedTuple):
    """A message on its way to the campaign.

    Attributes:
        job: Number of the trial that it is about, from 1; 0 if it is about none.
        is_of_trial: Whether it was sent by the process that trains, which may send anything.
        payload: What was sent.
    """

    job: int
    is_of_trial: bool
    payload: bytes

    def packed(self) -> bytes:
        """Return it as bytes."""
        return b"%s%d %s" % (b"T" if self.is_of_trial else b"W", self.job, self.payload)

    @classmethod
    def unpacked(cls, sent: bytes) -> Frame:
        """Return the frame that was packed.

        Raises:
            MessageError: It is none.
        """
        head, _, payload = sent.partition(b" ")
        if head[:1] not in (b"T", b"W") or not head[1:].isdigit():
            raise MessageError
        return cls(int(head[1:]), head[:1] == b"T", payload)


def encode(message: Message) -> bytes:
    """Return a message as it is sent; an outcome without its epochs, which were sent before."""
    if isinstance(message, str):
        return json.dumps(message).encode()
    if isinstance(message, Outcome):
        message = replace(message, **_CAMPAIGNS)
    return json.dumps({type(message).__name__: to_json(message)}).encode()


def is_outcome(sent: bytes) -> bool:
    """Return whether this is the last that a trial sends, without reading it."""
    return sent.startswith(_OUTCOME)


def decode(sent: bytes) -> Message:
    """Return the message that was sent.

    Raises:
        MessageError: It is none: `encode` would not have written it.
    """
    try:
        facts = json.loads(sent)
        if facts == READY:
            return READY
        [(name, values)] = facts.items()
        message = from_json(_KINDS[name], values)
    except DECODING_ERRORS as error:
        raise MessageError from error
    # Readers are lenient: they take a text for a number, say.
    if encode(message) != sent:
        raise MessageError
    return message
