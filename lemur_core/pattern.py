"""What pipelines are wanted, as text: ``img-classification_*_acc_{ResNet,VGG}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING

from lemur_core.errors import PatternError
from lemur_core.restriction import Restriction, canonical, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PARTS = ("task", "dataset", "metric", "net")


@dataclass(frozen=True)
class Pattern:
    """Wanted names of each part; a name may hold ``*``, ``?``, ``[...]`` and ``{a,b}``.

    A data set's name may end in a restriction, as `lemur_core.restriction` writes them. Metrics
    that are recorded together are separated with commas; the search uses the first.

    >>> Pattern.parse("img-classification_*_acc_{ResNet,VGG}").net
    ('ResNet', 'VGG')
    >>> Pattern.parse("img-classification").dataset
    ('*',)
    """

    task: tuple[str, ...] = ("*",)
    dataset: tuple[str, ...] = ("*",)
    metric: tuple[str, ...] = ("*",)
    net: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", tuple(map(canonical, self.dataset)))
        object.__setattr__(self, "metric", tuple(one.replace(" ", "") for one in self.metric))

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read ``task_dataset_metric_net`` or a beginning of it; what is left out is any.

        Raises:
            PatternError: More than four parts, an empty one, or an unclosed brace.
        """
        parts = text.split("_")
        if len(parts) > len(PARTS) or not all(parts):
            raise PatternError(
                f"pattern {text!r} has {len(parts)} parts; expected task_dataset_metric_net "
                "or the beginning of one, without empty parts"
            )
        return cls(*(tuple(_braces(part, text)) for part in parts))

    @property
    def literals(self) -> dict[str, list[str]]:
        """The names of each part that have no wildcard."""
        names = {part: getattr(self, part) for part in PARTS}
        names["metric"] = [name for together in self.metric for name in together.split(",")]
        return {part: [name for name in names[part] if not is_wild(name)] for part in PARTS}

    def matches(self, part: str, *names: str) -> bool:
        """Return whether something that goes by these names is wanted for a part."""
        return any(fnmatchcase(name, wanted) for wanted in getattr(self, part) for name in names)

    def also(self, *names: str) -> list[str] | None:
        """Return the metrics to record beside one that goes by these names; None: it is unwanted.

        >>> Pattern.parse("img-classification_*_acc,acc5").also("acc")
        ['acc5']
        """
        wanted = [together.split(",") for together in self.metric]
        found = [
            others
            for objective, *others in wanted
            if any(fnmatchcase(name, objective) for name in names)
        ]
        return list(dict.fromkeys(chain(*found))) if found else None

    def restrictions(self, *names: str) -> list[Restriction]:
        """Return how a data set that goes by these names is wanted; not at all, none."""
        return [
            restriction
            for wanted, restriction in map(split, self.dataset)
            if any(fnmatchcase(name, wanted) for name in names)
        ]

    def __str__(self) -> str:
        wanted = [getattr(self, part) for part in PARTS]
        return "_".join(f"{{{','.join(one)}}}" if len(one) > 1 else one[0] for one in wanted)


def pattern_of(names: Mapping[str, Sequence[str]]) -> Pattern:
    """Return the pattern that filters such as ``--net ResNet --net 'VGG*'`` stand for."""
    return Pattern(
        **{
            part: tuple(name for given in names[part] for name in _alternatives(part, given))
            for part in PARTS
            if names.get(part)
        }
    )


def _alternatives(part: str, given: str) -> Iterable[str]:
    # Metrics separated with commas belong together; other names are alternatives.
    return _braces(given if "{" in given or part == "metric" else f"{{{given}}}", given)


def own_name(name: str) -> str:
    """Return the name without a restriction."""
    return split(name)[0]


def is_wild(name: str) -> bool:
    """Return whether a name stands for any that match it."""
    return any(sign in own_name(name) for sign in "*?[")


def _braces(part: str, text: str) -> Iterable[str]:
    """Yield the alternatives of ``a{b,c}d``."""
    match = re.fullmatch(r"([^{}]*)\{([^{}]*)\}(.*)", part)
    if match is None:
        if "{" in part or "}" in part:
            raise PatternError(f"pattern {text!r}: braces do not match; expected {{a,b}}")
        yield part
        return
    before, choices, after = match.groups()
    # The commas of a restriction part its limits, not alternatives.
    for choice in re.split(r",(?![^\[\]]*\])", choices):
        yield from _braces(before + choice.strip() + after, text)
