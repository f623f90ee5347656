"""Parse durations such as ``10m``."""

from __future__ import annotations

import re

_NUMBER = r"(\d{1,6}(?:\.\d{1,3})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?\s*(?:{_NUMBER}m)?\s*(?:{_NUMBER}s)?")
_SECONDS = (3600, 60, 1)


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration in hours, minutes and seconds; None if it is none.

    >>> seconds_of("90s"), seconds_of("10m"), seconds_of("1h30m"), seconds_of("10")
    (90.0, 600.0, 5400.0, None)
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    parts = zip(match.groups(), _SECONDS, strict=True)
    return sum(float(number) * unit for number, unit in parts if number)
