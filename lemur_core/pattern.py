"""Patterns that select pipelines: ``img-classification_*_acc_{ResNet,VGG}``."""

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
    """A pattern that selects pipelines by the names of their parts.

    A name can contain ``*``, ``?``, ``[...]`` and ``{a,b}``. The name of a dataset can end in a
    restriction, in the notation of `lemur_core.restriction`. Metrics that are recorded together are
    separated by commas; the search optimises the first.

    Attributes:
        task: Names or wildcards of tasks.
        dataset: Names or wildcards of datasets.
        metric: Names or wildcards of metrics; empty means the first metric of each task.
        net: Names or wildcards of nets.

    >>> Pattern.parse("img-classification_*_acc_{ResNet,VGG}").net
    ('ResNet', 'VGG')
    >>> Pattern.parse("img-classification").dataset
    ('*',)
    """

    task: tuple[str, ...] = ("*",)
    dataset: tuple[str, ...] = ("*",)
    metric: tuple[str, ...] = ()
    net: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dataset", tuple(map(canonical, self.dataset)))
        object.__setattr__(self, "metric", tuple(text.replace(" ", "") for text in self.metric))

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Parse ``task_dataset_metric_net`` or its first parts; missing parts match anything.

        Raises:
            PatternError: There are more than four parts, an empty part or an unclosed brace.
        """
        parts = text.split("_")
        if len(parts) > len(PARTS) or not all(parts):
            raise PatternError(
                f"pattern {text!r} has {len(parts)} parts; expected task_dataset_metric_net "
                "or its first parts, without empty parts"
            )
        return cls(*(tuple(_braces(part, text)) for part in parts))

    @property
    def literals(self) -> dict[str, list[str]]:
        """The names without wildcards, by part."""
        names = {part: getattr(self, part) for part in PARTS}
        names["metric"] = [name for together in self.metric for name in together.split(",")]
        return {part: [name for name in names[part] if not is_wild(name)] for part in PARTS}

    def matches(self, part: str, *names: str) -> bool:
        """Return whether one of the names of an entry matches a part of the pattern."""
        patterns = getattr(self, part) or ("*",)
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)

    def also(self, *names: str) -> list[str] | None:
        """Return the metrics to record with a metric that has these names; None if none matches.

        >>> Pattern.parse("img-classification_*_acc,acc5").also("acc")
        ['acc5']
        """
        if not self.metric:
            return []
        groups = [together.split(",") for together in self.metric]
        matches = [
            others
            for objective, *others in groups
            if any(fnmatchcase(name, objective) for name in names)
        ]
        return list(dict.fromkeys(chain(*matches))) if matches else None

    def restrictions(self, *names: str) -> list[Restriction]:
        """Return the restrictions of a dataset that has these names; empty if none matches."""
        return [
            restriction
            for pattern, restriction in map(split, self.dataset)
            if any(fnmatchcase(name, pattern) for name in names)
        ]

    def __str__(self) -> str:
        parts = [getattr(self, part) or ("*",) for part in PARTS]
        return "_".join(f"{{{','.join(names)}}}" if len(names) > 1 else names[0] for names in parts)


def pattern_of(names: Mapping[str, Sequence[str]]) -> Pattern:
    """Return the pattern of options such as ``--net ResNet --net 'VGG*'``.

    Args:
        names: Values of the options, by part; a missing part matches anything, a missing metric
            the first of each task.
    """
    return Pattern(
        **{
            part: tuple(name for text in names[part] for name in _alternatives(part, text))
            for part in PARTS
            if names.get(part)
        }
    )


def _alternatives(part: str, text: str) -> Iterable[str]:
    # Commas join metrics that are recorded together; in other parts they separate alternatives.
    return _braces(text if "{" in text or part == "metric" else f"{{{text}}}", text)


def unrestricted_name(name: str) -> str:
    """Return a dataset's name without its restriction."""
    return split(name)[0]


def is_wild(name: str) -> bool:
    """Return whether a name contains a wildcard."""
    return any(sign in unrestricted_name(name) for sign in "*?[")


def _braces(part: str, text: str) -> Iterable[str]:
    """Yield the alternatives of ``a{b,c}d``."""
    match = re.fullmatch(r"([^{}]*)\{([^{}]*)\}(.*)", part)
    if match is None:
        if "{" in part or "}" in part:
            raise PatternError(f"pattern {text!r}: braces do not match; expected {{a,b}}")
        yield part
        return
    before, choices, after = match.groups()
    # Commas within a restriction separate its limits, not alternatives.
    for choice in re.split(r",(?![^\[\]]*\])", choices):
        yield from _braces(before + choice.strip() + after, text)
