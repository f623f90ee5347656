"""Remove the passwords of databases from everything that is shown."""

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
# The beginning of a URL, even of a mistyped one: postgresql//me, postgres:/me, postgresql:me.
_BEGIN = rf"(?:[\w+.-]*:?//+|{_DATABASES}:/*|(?<![\w+.-])sqlite[\w+.-]*:/*)"
_URL = re.compile(rf"({_BEGIN})(.*)", re.DOTALL)
_LIKE_URL = re.compile(r"(?:[\w+.-]+(?::|//)|//[^/@]*:).*@", re.DOTALL)
# Within other text, where the text after a URL is not part of it.
_IN_TEXT = re.compile(
    rf"({_DATABASES}(?::?//+|:/*))([^\s:/?#@]*):\S*@|([\w+.-]*:?//+)([^\s:/?#@]*):[^\s/]*@"
)
# A password with an unescaped & extends to the next option.
_OPTION = re.compile(r"([?&;\s])([^=&;?\s]+)=([^&]*(?:&[^=&]*(?![^&]))*)")
_OPTION_IN_TEXT = re.compile(r"([?&])([^=&;?\s'\"]+)=([^&\s'\"]*)")
_SECRET = re.compile(
    r"pass|pwd|secret|sslkey|token|credential|(?:api|access|private)[_-]?key", re.IGNORECASE
)
# Shorter secrets occur by chance in too many words.
_SHORTEST = 4


def is_like_url(db: str) -> bool:
    """Return whether a name looks like a mistyped URL with a user instead of the path of a file.

    >>> is_like_url("postgresql//me:secret@host/results"), is_like_url("./a:b@c.db")
    (True, False)
    """
    return _LIKE_URL.match(db) is not None


def without_password(db: str) -> str:
    """Return the name of a database, or an argument that contains it, without passwords.

    Passwords are also removed from the query of a URL and from mistyped URLs.

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
    """Return text, for example a traceback, without the passwords in URLs.

    Args:
        text: Any text.
        secrets: Words to remove wherever they occur, as returned by `secrets_of`.

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
    """Return the secrets that `without_password` removes, decoded and in parts.

    Error messages of other libraries can quote a secret in any of these forms. Secrets of fewer
    than four characters are left out.

    >>> sorted(secrets_of("postgresql://me:p%40sswo@host"))
    ['p%40sswo', 'p@sswo', 'sswo']
    """
    forms = {form for start, stop in _secrets(db) for form in _forms(db[start:stop])}
    return {form for form in forms if len(form) >= _SHORTEST}


def password_of(db: str) -> str:
    """Return the text in a URL from the end of the user to the last @, which is the password.

    >>> password_of("postgresql://me:se@cret@host/results"), password_of("postgresql://me@host")
    (':se@cret', '')
    """
    return "".join(db[start:stop] for start, stop in _password(db))


def _secrets(db: str) -> list[tuple[int, int]]:
    """Return the start and stop of each secret in a URL, sorted; they can overlap."""
    options = [match.span(3) for match in _OPTION.finditer(db) if _is_secret(match[2])]
    return sorted([*_password(db), *options])


def _password(db: str) -> Iterator[tuple[int, int]]:
    """Yield the start and stop of the password in a URL; nothing for a path."""
    # The search takes minutes in a long text, such as a tag of many characters.
    if "@" not in db:
        return
    match = _URL.search(db)
    # The three slashes of SQLite's URLs are followed by a path.
    if match and "sqlite" in match[1] and match[1].endswith("///"):
        begin = match.start(2)
        if is_like_url(match[2]):
            yield from ((begin + start, begin + stop) for start, stop in _password(match[2]))
        return
    # Up to the last @, because a password can contain one.
    end = db.rfind("@")
    start = match.start(2) if match else 0
    if end < start or not (match or is_like_url(db)):
        return
    user = re.compile(r"[^:/?#@]*").match(db, start, end)
    assert user is not None
    if user.end() < end:
        yield user.end(), end


def _forms(secret: str) -> set[str]:
    """Return a secret, its decoded forms, and the parts into which a parser may split them."""
    secret = secret.removeprefix(":")
    whole = {secret, unquote(secret), unquote_plus(secret)}
    return whole | {part for form in whole for part in re.split(r"[@:/?#&=\s\\'\"]+", form)}


def _is_secret(name: str) -> bool:
    return _SECRET.search(unquote(name)) is not None


def _hide_option(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}={_HIDDEN}" if _is_secret(match[2]) else match[0]


def _hide_user(match: re.Match[str]) -> str:
    return f"{match[1] or match[3]}{match[2] or match[4] or ''}:{_HIDDEN}@"
