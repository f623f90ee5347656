"""Parse the options of entries, which users write as ``html:theme=dark,wide=yes``.

The options of an entry are the keyword-only parameters of its target. Each has a default of type
bool, int, float or str, which is the type of the option.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lemur_core.errors import ContractError, SettingsError, hint

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Selection:
    """An entry that a user selects, with options.

    Attributes:
        name: Name of the entry.
        options: Values of options by name, as the user wrote them.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def read_selection(kind: str, text: str) -> Selection:
    """Parse the name and options of an entry.

    >>> read_selection("estimator", "peng4nn:threshold=0.5,window=3")
    Selection(name='peng4nn', options={'threshold': '0.5', 'window': '3'})

    Raises:
        SettingsError: The text cannot be parsed.
    """
    name, colon, options = (part.strip() for part in text.partition(":"))
    pairs = [[side.strip() for side in part.split("=", 1)] for part in options.split(",") if colon]
    names = [pair[0] for pair in pairs]
    if not name or not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise SettingsError(f"{kind} {text!r}: expected NAME or NAME:OPTION=VALUE,OPTION=VALUE")
    twice = sorted({option for option in names if names.count(option) > 1})
    if twice:
        raise SettingsError(f"{kind} {text!r}: {twice[0]} is given twice")
    return Selection(name, dict(pairs))


def read_selections(kind: str, text: str) -> list[Selection]:
    """Parse several entries with options; commas separate entries as well as options.

    >>> list(map(str, read_selections("estimator", "peng4nn:threshold=1,window=3,median")))
    ['peng4nn:threshold=1,window=3', 'median']

    Raises:
        SettingsError: The text cannot be parsed.
    """
    parts: list[str] = []
    for part in text.split(","):
        # ``uri=http://host`` is an option too: its name comes before the colon.
        if "=" in part.partition(":")[0] and parts:
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return [read_selection(kind, part) for part in parts]


def option_values(kind: str, target: Any, selection: Selection) -> dict[str, Any]:
    """Return the values of the selected options, converted to the types of the options.

    Args:
        kind: The kind of the entry, for error messages.
        target: The callable that takes the options.
        selection: The name and options of the entry.

    Raises:
        ContractError: The target has no valid options, as `options_of` says.
        SettingsError: An option does not exist, or a value does not have its type.
    """
    options = options_of(kind, target, selection.name)
    values = {}
    for name, text in selection.options.items():
        if name not in options:
            known = sorted(options)
            end = hint(name, known) if known else "; it has no options"
            raise SettingsError(f"{kind} {selection.name!r} has no option {name!r}{end}")
        values[name] = _value(text, options[name], f"{kind} {selection.name}: {name}")
    return values


def options_of(kind: str, target: Any, name: str) -> dict[str, Any]:
    """Return the options of an entry's target with their defaults.

    Raises:
        ContractError: The target is not callable, or an option has no default that is a bool, int,
            float or str.
    """
    if not callable(target):
        raise ContractError(f"{kind} {name!r}: its target cannot be called")
    parameters = inspect.signature(target).parameters.values()
    options = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for option, default in options.items():
        if not isinstance(default, bool | int | float | str):
            raise ContractError(
                f"{kind} {name!r}: its option {option!r} has no default "
                "that is a bool, int, float or str"
            )
    return options


def _value(text: str, default: Any, where: str) -> Any:
    kind = type(default)
    if kind is bool:
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        expected = "yes or no"
    else:
        try:
            return kind(text)
        except ValueError:
            expected = "a whole number" if kind is int else "a number"
    raise SettingsError(f"{where} is {text!r}; expected {expected}")
