"""Tags and notes: facts with which people mark trials."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from lemur_core.errors import FactError
from lemur_core.fact import MOST_BYTES
from lemur_core.naming import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG, NOTE = "tag", "note"
"""A tag ``good`` is the fact ``tag.good`` with the value true; a note is the fact ``note``."""
_LONGEST_TAG = 50


def tag_fact(tag: Any) -> str:
    """Return the name of the fact that records a tag.

    Raises:
        FactError: The tag is empty, has more than 50 characters, starts or ends with a space, or
            contains a comma or a control character.

    >>> tag_fact("baseline")
    'tag.baseline'
    """
    checked = check_name("tag", tag, FactError)
    if len(checked) > _LONGEST_TAG:
        raise FactError(
            f"tag name {checked[:20] + '...'!r}: has {len(checked)} characters; at most "
            f"{_LONGEST_TAG} are allowed, and a note may be longer: lemur trials note"
        )
    if "," in checked:
        raise FactError(f"tag name {checked!r}: contains a comma, which separates tags")
    return f"{TAG}.{checked}"


def tags_of(facts: Iterable[str]) -> list[str]:
    """Return the tags among the names of facts.

    >>> tags_of(["tag.baseline", "edge.latency_ms", "note"])
    ['baseline']
    """
    prefix = f"{TAG}."
    return [name.removeprefix(prefix) for name in facts if name.startswith(prefix)]


def check_note(text: str) -> str:
    """Return the text of a note.

    Raises:
        FactError: It is empty or too long, or contains a control character other than line ends
            and tabs.
    """
    if not text.strip():
        raise FactError("note '': is empty; --remove removes a note")
    if len(text.encode(errors="backslashreplace")) > MOST_BYTES // 2:
        raise FactError(
            f"note {text[:20] + '...'!r}: is longer than {MOST_BYTES // 2:,} bytes; attach a file "
            "with lemur_core.attach"
        )
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in text):
        raise FactError(f"note {text[:20]!r}: contains a control character")
    return text
