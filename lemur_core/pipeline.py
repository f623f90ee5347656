"""A pipeline, and how a pattern becomes the pipelines that what is installed allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from lemur_core.entry import Entry
from lemur_core.errors import MisfitError, PatternError, UnknownNameError
from lemur_core.registry import Registry

PARTS = ("task", "dataset", "metric", "net")
_KIND = {"dataset": "loader", "metric": "metric", "net": "net"}


@dataclass(frozen=True)
class Pipeline:
    """One combination of task, data set, metric and net, and the transforms that fit it."""

    task: str
    dataset: str
    metric: str
    net: str
    loader_entry: Entry = field(repr=False)
    metric_entry: Entry = field(repr=False)
    net_entry: Entry = field(repr=False)
    transforms: Mapping[str, Entry] = field(repr=False, hash=False)

    @property
    def name(self) -> str:
        """The pipeline's name, ``task_dataset_metric_net``."""
        return f"{self.task}_{self.dataset}_{self.metric}_{self.net}"


@dataclass(frozen=True)
class Pattern:
    """Wanted names of each part; a name may hold ``*``, ``?``, ``[...]`` and ``{a,b}``.

    >>> Pattern.parse("img-classification_*_acc_{ResNet,VGG}").net
    ('ResNet', 'VGG')
    >>> Pattern.parse("img-classification").dataset
    ('*',)
    """

    task: tuple[str, ...] = ("*",)
    dataset: tuple[str, ...] = ("*",)
    metric: tuple[str, ...] = ("*",)
    net: tuple[str, ...] = ("*",)

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
        """The names of each part that are spelt out."""
        return {
            part: [name for name in getattr(self, part) if not _is_wild(name)] for part in PARTS
        }

    def matches(self, part: str, *names: str) -> bool:
        """Return whether something that goes by these names is wanted for a part."""
        return any(fnmatchcase(name, wanted) for wanted in getattr(self, part) for name in names)

    def __str__(self) -> str:
        names = [",".join(getattr(self, part)) for part in PARTS]
        return "_".join(f"{{{name}}}" if "," in name else name for name in names)


def compose(
    registry: Registry,
    patterns: Sequence[Pattern],
    transforms: Sequence[str] = (),
    only: Pattern | None = None,
) -> list[Pipeline]:
    """Return every pipeline that some pattern wants and the installed plugins allow.

    Args:
        registry: What is installed.
        patterns: Patterns, in the order their pipelines are wanted.
        transforms: Names or wildcards of the transforms to search; empty means all that fit.
        only: A pattern that each pipeline must match too.

    Raises:
        UnknownNameError: A name that is spelt out in a pattern, or a transform, is not installed.
        MisfitError: Entries that are spelt out exclude each other.
        PatternError: A pattern matches nothing.
    """
    wanted_transforms = _transforms(registry, transforms)
    found: dict[str, Pipeline] = {}
    for pattern in patterns:
        wants = [pattern] if only is None else [pattern, only]
        for want in wants:
            _check_names(registry, want)
        pipelines = _matching(registry, wants, wanted_transforms)
        found.update((pipeline.name, pipeline) for pipeline in pipelines)
    return list(found.values())


def demo(registry: Registry, transforms: Sequence[str] = ()) -> list[Pipeline]:
    """Return the pipelines that ``lemur run`` without arguments trains.

    Raises:
        PatternError: No installed plugin has any.
    """
    wanted = [name for name, entry in registry.names("transform").items() if entry.demo]
    pipelines = [
        pipeline
        for pipeline in _combine(registry, [], _transforms(registry, transforms or wanted))
        if pipeline.loader_entry.demo and pipeline.net_entry.demo and pipeline.metric_entry.demo
    ]
    if not pipelines:
        raise PatternError(
            "nothing to run: no installed plugin brings a net with embedded data; "
            "install one, lemur-vision-cls say, or name pipelines (see lemur list)"
        )
    return pipelines


def pattern_of(names: Mapping[str, Sequence[str]]) -> Pattern:
    """Return the pattern that filters such as ``--net ResNet --net 'VGG*'`` stand for."""
    return Pattern(
        **{
            part: tuple(name for given in names[part] for name in _alternatives(given))
            for part in PARTS
            if names.get(part)
        }
    )


def _matching(
    registry: Registry, wants: Sequence[Pattern], transforms: Mapping[str, Entry]
) -> list[Pipeline]:
    pipelines = _combine(registry, wants, transforms)
    if pipelines:
        return pipelines
    text = " and ".join(repr(str(want)) for want in wants)
    _explain_misfit(registry, text, wants, transforms)
    raise PatternError(
        f"{text}: no pipeline of what is installed matches; see lemur list for what there is"
    )


def _combine(
    registry: Registry, wants: Sequence[Pattern], transforms: Mapping[str, Entry]
) -> list[Pipeline]:
    named = {part: _wanted(registry, part, wants) for part in _KIND}
    pipelines = []
    for dataset, loader in named["dataset"].items():
        for task in loader.tasks:
            if not all(want.matches("task", task) for want in wants):
                continue
            for metric, metric_entry in _serving(named["metric"], task):
                for net, net_entry in _serving(named["net"], task):
                    fitting = _fitting(transforms, task, loader, net_entry)
                    if fitting:
                        pipelines.append(
                            Pipeline(
                                task, dataset, metric, net, loader, metric_entry, net_entry, fitting
                            )
                        )
    return pipelines


def _fitting(
    transforms: Mapping[str, Entry], task: str, loader: Entry, net: Entry
) -> dict[str, Entry]:
    return {
        name: entry
        for name, entry in transforms.items()
        if entry.serves(task) and _large_enough(entry, loader, net)
    }


def _large_enough(transform: Entry, loader: Entry, net: Entry) -> bool:
    size = transform.size or loader.size
    return size is None or net.min_size is None or size >= net.min_size


def _serving(entries: Mapping[str, Entry], task: str) -> list[tuple[str, Entry]]:
    return [(name, entry) for name, entry in entries.items() if entry.serves(task)]


def _wanted(registry: Registry, part: str, wants: Sequence[Pattern]) -> dict[str, Entry]:
    full = {id(entry): name for name, entry in registry.entries(_KIND[part])}
    return {
        name: entry
        for name, entry in registry.names(_KIND[part]).items()
        if all(want.matches(part, entry.name, full[id(entry)]) for want in wants)
    }


def _transforms(registry: Registry, wanted: Sequence[str]) -> dict[str, Entry]:
    every = registry.names("transform")
    for name in wanted:
        if not _is_wild(name):
            registry.get("transform", name)
    if not wanted:
        return every
    return {
        name: entry
        for name, entry in every.items()
        if any(fnmatchcase(name, one) or fnmatchcase(entry.name, one) for one in wanted)
    }


def _check_names(registry: Registry, pattern: Pattern) -> None:
    literals = pattern.literals
    for part, kind in _KIND.items():
        for name in literals[part]:
            try:
                registry.get(kind, name)
            except UnknownNameError as error:
                known = "data set" if part == "dataset" else part
                raise UnknownNameError(known, name, error.known) from None
    tasks = {task for _, loader in registry.entries("loader") for task in loader.tasks}
    for task in literals["task"]:
        if task not in tasks:
            raise UnknownNameError("task", task, tasks)


def _explain_misfit(
    registry: Registry, text: str, wants: Sequence[Pattern], transforms: Mapping[str, Entry]
) -> None:
    """Raise the exact reason where patterns spell out entries that exclude each other."""
    literals = {part: [name for want in wants for name in want.literals[part]] for part in PARTS}
    for task in literals["task"]:
        for part, kind in _KIND.items():
            for name in literals[part]:
                _explain_task(registry, text, task, kind, name)
    for net_name in literals["net"]:
        for dataset in literals["dataset"]:
            net, loader = registry.get("net", net_name), registry.get("loader", dataset)
            sizes = {name: entry.size or loader.size for name, entry in transforms.items()}
            if net.min_size and sizes and all(s and s < net.min_size for s in sizes.values()):
                given = ", ".join(f"{name} gives {size}" for name, size in sizes.items())
                raise MisfitError(
                    f"{text}: net {net_name!r} takes images of {net.min_size} px or more; "
                    f"with data set {dataset!r}, {given}"
                )


def _explain_task(registry: Registry, text: str, task: str, kind: str, name: str) -> None:
    entry = registry.get(kind, name)
    if not entry.serves(task):
        others = [other for other, one in registry.names(kind).items() if one.serves(task)]
        word = "data set" if kind == "loader" else kind
        there = f"there {'is' if len(others) < 2 else 'are'} {', '.join(others) or 'none'}"
        raise MisfitError(
            f"{text}: {word} {name!r} serves {', '.join(entry.tasks)} only; for {task} {there}"
        )


def _alternatives(given: str) -> Iterable[str]:
    return _braces(given if "{" in given else f"{{{given}}}", given)


def _is_wild(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _braces(part: str, text: str) -> Iterable[str]:
    """Yield the alternatives of ``a{b,c}d``."""
    match = re.fullmatch(r"([^{}]*)\{([^{}]*)\}(.*)", part)
    if match is None:
        if "{" in part or "}" in part:
            raise PatternError(f"pattern {text!r}: braces do not match; expected {{a,b}}")
        yield part
        return
    before, choices, after = match.groups()
    for choice in choices.split(","):
        yield from _braces(before + choice.strip() + after, text)
