r"""Write tables of text as Markdown and LaTeX.

The cells are untrusted text: whatever has a meaning in the format is escaped.

>>> markdown_text("a|b*c_32")
'a\\|b\\*c_32'
>>> latex_text("50% of norm_32 [x]")
'50\\% of norm\\_32 {[}x{]}'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lemur_core.store.reading.printed import NOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.store.reading.printed import PrintedTable

# An underscore within a word has no meaning.
_MARKDOWN = re.compile(r"[\\|*`<>\[\]~&$#]|(?<!\w)_|_(?!\w)")
_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    # A dash would join the next one.
    "-": "-{}",
    # After the end of a row, these would be arguments of it.
    "[": "{[}", "]": "{]}", "*": "{*}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}  # fmt: skip
_LATEX_SPECIAL = re.compile("-(?=-)|[" + re.escape("".join(_LATEX).replace("-", "")) + "]")


def markdown(table: PrintedTable) -> str:
    """Return a table in GitHub's Markdown, with a line about averaged scores below."""
    headers, rows = _escaped(table, markdown_text)
    widths = [max(3, *map(len, column)) for column in zip(headers, *rows, strict=True)]
    rules = [
        "-" * (width - 1) + ":" if right else "-" * width
        for width, right in zip(widths, table.numeric, strict=True)
    ]
    lines = [_markdown_row(cells, widths, table.numeric) for cells in (headers, rules, *rows)]
    return "\n".join(lines) + (f"\n\n{NOTE.capitalize()}.\n" if table.averaged else "\n")


def latex(table: PrintedTable) -> str:
    """Return a table as LaTeX's ``tabular`` with the rules of the package booktabs."""
    headers, rows = _escaped(table, latex_text)
    columns = "".join("r" if right else "l" for right in table.numeric)
    note = [f"% {latex_text(NOTE)}"] if table.averaged else []
    lines = [
        r"% needs \usepackage{booktabs}", *note, rf"\begin{{tabular}}{{{columns}}}", r"\toprule",
        _latex_row(headers), r"\midrule", *map(_latex_row, rows), r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """Return text without meaning to Markdown."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def latex_text(text: str) -> str:
    """Return text without meaning to LaTeX."""
    return _LATEX_SPECIAL.sub(lambda match: _LATEX[match[0]], text)


def _escaped(
    table: PrintedTable, escape: Callable[[str], str]
) -> tuple[list[str], list[list[str]]]:
    return [*map(escape, table.headers)], [[*map(escape, row)] for row in table.rows]


def _markdown_row(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
