"""Format numbers and hyperparameters for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.escapes import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_BARS = "▁▂▃▄▅▆▇█"


def duration(seconds: float) -> str:
    """Return a duration in at most two units.

    >>> duration(7.26), duration(125), duration(3725)
    ('7.3 s', '2 min 05 s', '1 h 02 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, remainder = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {remainder:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def binary(size: int) -> str:
    """Return a number of bytes in the largest unit that gives at least 1.

    >>> binary(812), binary(170_498_071), binary(26_000_000_000)
    ('812 B', '162.6 MiB', '24.2 GiB')
    """
    unit = max(0, min((size.bit_length() - 1) // 10, len(_UNITS) - 1))
    return f"{size / 1024**unit:.{min(unit, 1)}f} {_UNITS[unit]}"


def prm_text(prm: Mapping[str, Any]) -> str:
    """Return hyperparameters on one line, with floats rounded to four significant digits.

    >>> prm_text({"lr": 0.0123456, "batch": 32, "transform": "norm_32"})
    'batch=32 lr=0.01235 transform=norm_32'
    """
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in sorted(prm.items())
    )


def counted(number: int, what: str) -> str:
    """Return a number followed by a noun, in the plural unless the number is 1.

    >>> counted(1, "artefact"), counted(1234, "fact")
    ('1 artefact', '1,234 facts')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def json_text(value: Any) -> str:
    r"""Return the JSON of a value on one line, without escaping letters of any script.

    >>> json_text({"ä": [1.0, None]})
    '{"ä": [1.0, null]}'
    """
    import json

    return one_line(json.dumps(value, ensure_ascii=False))


def sparkline(values: Sequence[float]) -> str:
    """Return a curve as one line of bars, scaled from the minimum to the maximum.

    >>> sparkline([0.1, 0.5, 0.9])
    '▁▄█'
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[int((value - low) * scale)] for value in values)


def display_width(text: str) -> int:
    """Return the number of columns that text takes on a terminal.

    >>> display_width("cat"), display_width("猫"), display_width("👩‍👩‍👧")
    (3, 2, 2)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, width: int) -> str:
    """Return text in at most this many columns of a terminal, without its middle if it is longer.

    >>> shortened("img-classification_digits_acc", 15)
    'img-cla...s_acc'
    """
    if display_width(text) <= width:
        return text
    from rich.cells import set_cell_size

    end = text[-(width // 3) :] if width > 3 else ""
    while display_width(end) > width // 3:
        end = end[1:]
    return f"{set_cell_size(text, max(0, width - 3 - display_width(end))).rstrip()}...{end}"
