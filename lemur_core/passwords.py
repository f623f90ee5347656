"""Keep the passwords of databases out of what is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HIDDEN = "***"
_DATABASES = (
    r"(?<![\w+.-])(?i:postgres|postgis|psycopg|cockroach|mysql|mariadb|mssql|oracle|db2|redis"
    r"|mongodb)[\w+.-]*"
)
# How a URL begins, a mistyped one too: postgresql//me, postgres:/me, postgresql:me.
_BEGIN = rf"(?:[\w+.-]*:?//+|{_DATABASES}:/*|(?<![\w+.-])sqlite[\w+.-]*:/*)"
_URL = re.compile(rf"({_BEGIN})(.*)", re.DOTALL)
_LIKE_URL = re.compile(r"(?:[\w+.-]+(?::|//)|//[^/@]*:).*@", re.DOTALL)
# In other text, what follows a URL is not the URL's.
_IN_TEXT = re.compile(
    rf"({_DATABASES}(?::?//+|:/*))([^\s:/?#@]*):\S*@|([\w+.-]*:?//+)([^\s:/?#@]*):[^\s/]*@"
)
# A password in which & was not written %26 goes on until the next option.
_OPTION = re.compile(r"([?&;\s])([^=&;?\s]+)=([^&]*(?:&[^=&]*(?![^&]))*)")
_OPTION_IN_TEXT = re.compile(r"([?&])([^=&;?\s'\"]+)=([^&\s'\"]*)")
_SECRET = re.compile(
    r"pass|pwd|secret|sslkey|token|credential|(?:api|access|private)[_-]?key", re.IGNORECASE
)
# Shorter ones are found in too many words that are no password.
_SHORTEST = 4


def is_like_url(db: str) -> bool:
    """Return whether a name may be a mistyped URL with a user, rather than the path of a file.

    >>> is_like_url("postgresql//me:secret@host/results"), is_like_url("./a:b@c.db")
    (True, False)
    """
    return _LIKE_URL.match(db) is not None


def without_password(db: str) -> str:
    """Return a database's name, or an argument that holds it, as it may be shown.

    What stands where a URL has its password is left out, in the query too, also where the URL is
    mistyped.

    >>> without_password("postgresql://me:secret@host/results?sslpassword=other")
    'postgresql://me:***@host/results?sslpassword=***'
    >>> without_password("postgres:/me:se@cret@host")
    'postgres:/me:***@host'
    """
    shown, end = "", 0
    for start, stop in _secrets(db):
        if start >= end:
            shown += f"{db[end:start]}{':' * (db[stop : stop + 1] == '@')}{_HIDDEN}"
        end = max(end, stop)
    return shown + db[end:]


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text, a traceback say, without the passwords of URLs in it.

    Args:
        text: Any text.
        secrets: What is left out wherever it stands as a word, as `secrets_of` finds it.

    >>> redact("cannot reach 'postgresql://me:secret@host': secret?", ["secret"])
    "cannot reach 'postgresql://me:***@host': ***?"
    """
    if "@" in text:
        text = _IN_TEXT.sub(_hide_user, text)
    if "=" in text:
        text = _OPTION_IN_TEXT.sub(_hide_option, text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HIDDEN, text)
    return text


def secrets_of(db: str) -> set[str]:
    """Return what `without_password` leaves out, and the parts in which others may quote it.

    Less than four characters are no secret that can be looked for.

    >>> sorted(secrets_of("postgresql://me:p%40sswo@host"))
    ['p%40sswo', 'p@sswo', 'sswo']
    """
    forms = {form for start, stop in _secrets(db) for form in _forms(db[start:stop])}
    return {form for form in forms if len(form) >= _SHORTEST}


def password_of(db: str) -> str:
    """Return what stands where a URL has its password, from the end of the user to the last @.

    >>> password_of("postgresql://me:se@cret@host/results"), password_of("postgresql://me@host")
    (':se@cret', '')
    """
    return "".join(db[start:stop] for start, stop in _password(db))


def _secrets(db: str) -> list[tuple[int, int]]:
    """Return where a URL has its secrets, in their order; they may overlap."""
    options = [one.span(3) for one in _OPTION.finditer(db) if _is_secret(one[2])]
    return sorted([*_password(db), *options])


def _password(db: str) -> Iterator[tuple[int, int]]:
    """Yield where a URL has its password; there is none in a path."""
    found = _URL.search(db)
    # The three slashes of SQLite's URLs are followed by a path.
    if found and "sqlite" in found[1] and found[1].endswith("///"):
        begin = found.start(2)
        if is_like_url(found[2]):
            yield from ((begin + start, begin + stop) for start, stop in _password(found[2]))
        return
    # Up to the last @, as a password may hold one.
    end = db.rfind("@")
    start = found.start(2) if found else 0
    if end < start or not (found or is_like_url(db)):
        return
    user = re.compile(r"[^:/?#@]*").match(db, start, end)
    assert user is not None
    if user.end() < end:
        yield user.end(), end


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, decoded, and each in the parts that a parser may find in it."""
    secret = secret.removeprefix(":")
    whole = {secret, unquote(secret), unquote_plus(secret)}
    return whole | {part for one in whole for part in re.split(r"[@:/?#&=\s\\'\"]+", one)}


def _is_secret(name: str) -> bool:
    return _SECRET.search(unquote(name)) is not None


def _hide_option(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={_HIDDEN}" if _is_secret(found[2]) else found[0]


def _hide_user(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}{found[2] or found[4] or ''}:{_HIDDEN}@"
