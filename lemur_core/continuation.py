"""Trials that continue another trial: which one, and from which epoch.

The hyperparameter `NAME` of such a trial holds both, so that it is a different trial from one that
starts from scratch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "continues"
_UID_LENGTH = 32


class Origin(NamedTuple):
    """The trial that another one continues.

    Attributes:
        uid: Its unique id.
        epoch: Number of its last epoch.
    """

    uid: str
    epoch: int

    @property
    def value(self) -> str:
        """The value of the hyperparameter.

        >>> Origin("0123456789abcdef0123456789abcdef", 5).value
        '0123456789abcdef0123456789abcdef:5'
        """
        return f"{self.uid}:{self.epoch}"


def origin_in(prm: Mapping[str, Any]) -> Origin | None:
    """Return the trial that a trial with these hyperparameters continues; None if there is none.

    >>> origin_in({"continues": "0123456789abcdef0123456789abcdef:5"}).epoch
    5
    >>> origin_in({"lr": 0.1})
    """
    # A net can have a hyperparameter of this name with other values.
    uid, _, epoch = str(prm.get(NAME, "")).partition(":")
    return Origin(uid, int(epoch)) if len(uid) == _UID_LENGTH and epoch.isdecimal() else None
