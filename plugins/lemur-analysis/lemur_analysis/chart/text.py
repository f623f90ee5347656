"""Text beside charts: how wide it may be, and numbers."""

from __future__ import annotations

import shutil

_MOST_WIDTH = 100
LEAST_WIDTH = 40


def chart_width() -> int:
    """Return the width of a chart: that of the terminal, 80 in pipes, 40 to 100 characters."""
    return max(LEAST_WIDTH, min(shutil.get_terminal_size().columns, _MOST_WIDTH))


def number_text(value: float) -> str:
    """Return a number with four digits.

    >>> number_text(0.93611), number_text(1234567.0), number_text(2e-7)
    ('0.9361', '1234567', '2e-07')
    """
    if 1e-3 <= abs(value) < 1e3:
        return f"{value:.4f}"
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"
