"""Keep the passwords of databases out of what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

_HIDDEN = "***"
_DATABASES = (
    r"(?<![\w+.-])(?i:postgres|postgis|psycopg|cockroach|mysql|mariadb|mssql|oracle|db2|redis"
    r"|mongodb)[\w+.-]*"
)
# How a URL begins, a mistyped one too: postgresql//me, postgres:/me, postgresql:me.
_BEGIN = rf"(?:[\w+.-]*:?//+|{_DATABASES}:/*|(?<![\w+.-])sqlite[\w+.-]*:/*)"
_URL = re.compile(rf"({_BEGIN})(.*)", re.DOTALL)
_LIKE_URL = re.compile(r"[\w+.-]+(?::|//).*@", re.DOTALL)
# In other text, what follows a URL is not the URL's.
_IN_TEXT = re.compile(
    rf"({_DATABASES}(?::?//+|:/*))([^\s:/?#@]*):\S*@|([\w+.-]*:?//+)([^\s:/?#@]*):[^\s/]*@"
)
_OPTION = re.compile(r"([?&;\s])([^=&;?\s]+)=([^&]*)")
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
    begin, user, secret, rest = _split(db)
    shown = f"{begin}{user}:{_HIDDEN}{rest}" if secret else db
    return _OPTION.sub(_hide_option, shown)


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
    options = [one[3] for one in _OPTION.finditer(db) if _is_secret(one[2])]
    forms = {form for one in (_split(db)[2], *options) for form in _forms(one)}
    return {form for form in forms if len(form) >= _SHORTEST}


def _split(db: str) -> tuple[str, str, str, str]:
    """Return how a URL begins, its user, its password and the rest; a path is all rest."""
    found = _URL.search(db)
    begin, rest = (db[: found.start(2)], found[2]) if found else ("", db)
    # The three slashes of SQLite's URLs are followed by a path.
    if "sqlite" in begin and begin.endswith("///"):
        inner, *parts = _split(rest) if is_like_url(rest) else ("", "", "", rest)
        return f"{begin}{inner}", *parts
    if "@" not in rest:
        return "", "", "", db
    if not found and not is_like_url(db):
        return "", "", "", db
    # Up to the last @, as a password may hold one.
    head, _, tail = rest.rpartition("@")
    user = re.match(r"[^:/?#@]*", head)
    assert user is not None
    return begin, user[0], head[user.end() :].removeprefix(":"), f"@{tail}"


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, decoded, and each in the parts that a parser may find in it."""
    whole = {secret, unquote(secret), unquote_plus(secret)}
    return whole | {part for one in whole for part in re.split(r"[@:/?#&=\s]+", one)}


def _is_secret(name: str) -> bool:
    return _SECRET.search(unquote(name)) is not None


def _hide_option(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={_HIDDEN}" if _is_secret(found[2]) else found[0]


def _hide_user(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}{found[2] or found[4] or ''}:{_HIDDEN}@"
