"""Tables and figures of pages that scripts of this folder write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt

from lemur_analysis.plot.files import save

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def correlation_text(row: pd.Series) -> str:
    """Return a correlation, its interval and the number of nets as text."""
    if np.isnan(row["correlation"]):
        return f"unknown (n = {row['nets']})"
    return f"{interval_text(row, 'correlation')} (n = {row['nets']:,})"


def interval_text(row: pd.Series, name: str) -> str:
    """Return a value with its interval as text."""
    ends = "" if np.isnan(row["low"]) else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row[name]:.2f}{ends}"


def with_table(page: str, name: str, table: pd.DataFrame) -> str:
    """Return the page with a table between the comments that name it."""
    head = ["dataset", *map(str, table.columns)]
    lines = [head, ["---"] * len(head), *([at, *row] for at, row in table.T.items())]
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    begin, end = f"<!-- table {name} -->", f"<!-- end {name} -->"
    new_page, count = re.subn(
        f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"the page has {count} places for the table {name!r}; expected one")
    return new_page


def write_figure(axes: Any, path: Path) -> None:
    """Write a figure; the same figure gives the same bytes."""
    figure = np.atleast_1d(axes).ravel()[0].figure
    save(figure, path, dpi=100)
    plt.close(figure)
