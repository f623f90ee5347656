"""Messages of a worker process to its campaign, as JSON.

A campaign reads what a process that runs foreign code sends; unlike a pickle, JSON cannot execute
code. Each message states its sender: the process that trains holds a net and may send anything;
the process that forked it holds no net and is trusted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.trial import Epoch, Outcome

# The traceback of an outcome is the longest part of a message; longer messages are invalid.
MAX_BYTES = 2**20

READY = "ready"


@dataclass(frozen=True)
class Began:
    """The process of a trial has started.

    Attributes:
        pid: Process id.
    """

    pid: int


@dataclass(frozen=True)
class Ended:
    """The process of a trial has ended, and all processes that it started.

    Attributes:
        code: Exit status; the negative signal number if a signal ended the process; None if the
            campaign asked for its end.
    """

    code: int | None


Message = Epoch | Outcome | Began | Ended | str
_KINDS: dict[str, type[Epoch | Outcome | Began | Ended]] = {
    kind.__name__: kind for kind in (Epoch, Outcome, Began, Ended)
}
# Fields of an outcome that the campaign fills in.
_CAMPAIGNS: dict[str, Any] = {"epochs": (), "prediction": None}
_OUTCOME = b'{"Outcome"'


class MessageError(Exception):
    """A message is invalid, or is not allowed at this point."""


class Frame(NamedTuple):
    """A message to the campaign with its sender.

    Attributes:
        job: Number of the job that the message is about, from 1; 0 if it is about no job.
        is_of_trial: Whether the process that trains sent the message; it may send anything.
        payload: The encoded message.
    """

    job: int
    is_of_trial: bool
    payload: bytes

    def packed(self) -> bytes:
        """Return the frame as bytes."""
        return b"%s%d %s" % (b"T" if self.is_of_trial else b"W", self.job, self.payload)

    @classmethod
    def unpacked(cls, sent: bytes) -> Frame:
        """Return the frame in these bytes.

        Raises:
            MessageError: They are not a frame.
        """
        head, _, payload = sent.partition(b" ")
        if head[:1] not in (b"T", b"W") or not head[1:].isdigit():
            raise MessageError
        return cls(int(head[1:]), head[:1] == b"T", payload)


def encode(message: Message) -> bytes:
    """Return a message as bytes; an outcome omits its epochs, which were sent before."""
    if isinstance(message, str):
        return json.dumps(message).encode()
    if isinstance(message, Outcome):
        message = replace(message, **_CAMPAIGNS)
    return json.dumps({type(message).__name__: to_json(message)}).encode()


def is_outcome(sent: bytes) -> bool:
    """Return whether this is an outcome, a trial's last message, without decoding it."""
    return sent.startswith(_OUTCOME)


def decode(sent: bytes) -> Message:
    """Return the message in these bytes.

    Raises:
        MessageError: They are not a message, or not as `encode` writes it.
    """
    try:
        facts = json.loads(sent)
        if facts == READY:
            return READY
        [(name, values)] = facts.items()
        message = from_json(_KINDS[name], values)
    except DECODING_ERRORS as error:
        raise MessageError from error
    # Decoding is lenient; for example, it accepts text for a number.
    if encode(message) != sent:
        raise MessageError
    return message
