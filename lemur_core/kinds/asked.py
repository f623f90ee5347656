"""Read how an estimator is asked for, ``peng4nn:threshold=0.5,window=3``, and make it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lemur_core.errors import ContractError, SettingsError, hint
from lemur_core.kinds.estimator import Estimator, Known

Maker = Callable[[Known], Estimator]


@dataclass(frozen=True)
class Asked:
    """An estimator as it is asked for.

    Attributes:
        name: Of its entry.
        options: Values by their names, as they were written.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def read_asked(text: str) -> Asked:
    """Read an estimator's name and options.

    >>> read_asked("peng4nn:threshold=0.5,window=3")
    Asked(name='peng4nn', options={'threshold': '0.5', 'window': '3'})

    Raises:
        SettingsError: It cannot be read.
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    pairs = [[side.strip() for side in part.split("=", 1)] for part in rest.split(",") if colon]
    names = [pair[0] for pair in pairs]
    if not name or not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise SettingsError(f"estimator {text!r}: expected NAME or NAME:OPTION=VALUE,OPTION=VALUE")
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise SettingsError(f"estimator {text!r}: {twice[0]} is given twice")
    return Asked(name, dict(pairs))


def read_several(text: str) -> list[Asked]:
    """Read estimators that commas part, as they part options too.

    >>> [str(one) for one in read_several("peng4nn:threshold=1,window=3,median")]
    ['peng4nn:threshold=1,window=3', 'median']

    Raises:
        SettingsError: One cannot be read.
    """
    parts: list[str] = []
    for part in text.split(","):
        if "=" in part and ":" not in part and parts:
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return [read_asked(part) for part in parts]


def maker(target: Any, asked: Asked) -> Maker:
    """Return what makes an estimator for each trial, with the options that are asked for.

    Args:
        target: Of the estimator's entry.
        asked: Its name and options.

    Raises:
        ContractError: The target is no estimator's.
        SettingsError: It has no such option, or a value is not of its kind.
    """
    options = options_of(target, asked.name)
    given = {}
    for name, text in asked.options.items():
        if name not in options:
            known = sorted(options)
            end = hint(name, known) if known else "; it has no options"
            raise SettingsError(f"estimator {asked.name!r} has no option {name!r}{end}")
        given[name] = _value(text, options[name], f"{asked.name}: {name}")
    return partial(_made, target, given, asked.name)


def options_of(target: Any, name: str) -> dict[str, Any]:
    """Return the options of an estimator's target with their defaults.

    Raises:
        ContractError: The target is no estimator's.
    """
    if not callable(target):
        raise ContractError(f"estimator {name!r}: its target cannot be called with (known)")
    found = inspect.signature(target).parameters.values()
    options = {one.name: one for one in found if one.kind is one.KEYWORD_ONLY}
    for option in options.values():
        if not isinstance(option.default, bool | int | float | str):
            raise ContractError(
                f"estimator {name!r}: its option {option.name!r} has no default "
                "that is a bool, int, float or str"
            )
    return {name: option.default for name, option in options.items()}


def parts_of(estimator: Estimator) -> int:
    """Return in how many parts each epoch is cut for an estimator.

    Raises:
        ContractError: Its interval is not 1 over a whole number.
    """
    interval = estimator.interval
    parts = round(1 / interval) if interval > 0 else 0
    if not parts or not math.isclose(parts * interval, 1, rel_tol=1e-6):
        raise ContractError(
            f"an estimator asks for scores every {interval:g} epochs; expected 1 over a whole "
            "number: 1, 0.5, 0.25"
        )
    return parts


def _made(target: Any, options: Mapping[str, Any], name: str, known: Known) -> Estimator:
    if not known.higher_is_better:
        raise SettingsError(
            f"estimator {name!r}: the metric falls as nets get better; estimators need one that "
            "rises, from 0 to 1: 1 - error, say"
        )
    made = target(known, **options)
    if not callable(getattr(made, "update", None)) or not hasattr(made, "interval"):
        raise ContractError(
            f"estimator {name!r}: gives {type(made).__name__}; expected an object with "
            "update(epoch, score, loss) and interval"
        )
    parts_of(made)
    return made  # type: ignore[no-any-return]


_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


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
    raise SettingsError(f"estimator {where} is {text!r}; expected {expected}")
