"""Tables of a page: the first rows as HTML, and all rows as JSON that a script sorts and filters.

Numbers are rounded to five significant digits; workbooks contain all digits.
"""

from __future__ import annotations

import json
import math
import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

PAGE_ROWS = 50
"""Number of rows that are shown initially."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def table(frame: DataFrame, caption: str, name: str) -> str:
    """Return a table as HTML.

    Args:
        frame: The rows of the table; missing values become empty cells.
        caption: Caption of the table.
        name: Id of the table on the page.
    """
    rows = [
        [value_of(value) for value in row]
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False)
    ]
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(plain(title))}</button>'
        "</th>"
        for title in frame.columns
    )
    body = "".join(
        f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[:PAGE_ROWS]
    )  # The script formats cells in the same way.
    # The data must not contain the end tag of its script element.
    data = json.dumps(rows, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        f'<div class="table" id="{name}">'
        '<p class="tools"><label>Filter <input type="search"></label> '
        f"<output>{_shown(len(rows))}</output> "
        f'<button type="button" class="more"{" hidden" if len(rows) <= PAGE_ROWS else ""}>'
        "Show all</button></p>"
        f'<div class="scroll" tabindex="0"><table><caption>{escape(plain(caption))}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<script type="application/json">{data}</script></div>'
    )


def plain(value: Any) -> str:
    """Return a value as text without control characters."""
    return _CONTROL.sub("\ufffd", str(value))


def value_of(value: Any) -> Any:
    """Return a value as a JSON type: None, a rounded number or text.

    >>> value_of(0.1234567), value_of(123456.7), value_of(float("inf")), value_of(3.0)
    (0.12346, 123457, 'inf', 3)
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    if not math.isfinite(value):
        return str(value)
    short = round(value) if abs(value) >= 1e5 else float(f"{value:.5g}")
    return int(short) if short == int(short) else short


def _cell(value: Any) -> str:
    if isinstance(value, int | float):
        return f'<td class="n">{value}</td>'
    return f"<td>{'' if value is None else escape(value)}</td>"


def _shown(rows: int) -> str:
    if rows > PAGE_ROWS:
        return f"{PAGE_ROWS} of {rows:,} rows"
    return "1 row" if rows == 1 else f"{rows:,} rows"
