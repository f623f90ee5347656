"""From patterns to the pipelines that the installed plugins allow."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, product
from typing import TYPE_CHECKING

from lemur_core.errors import PatternError, UnknownNameError
from lemur_core.fitting import Transforms
from lemur_core.misfit import check_names, explain_misfit, explain_opt_in, named_nets
from lemur_core.pattern import Pattern, is_wild
from lemur_core.pipeline import Pipeline
from lemur_core.restriction import NONE, Restriction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lemur_core.entry import Entry
    from lemur_core.registry import Registry

_SIZE = re.compile("[1-9][0-9]{0,4}")  # pixels


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
        transforms: Names or wildcards of the transforms to search; empty means those that fit best.
        only: A pattern that each pipeline must match too.

    Raises:
        UnknownNameError: A transform, or a name without a wildcard, is not installed.
        MisfitError: Entries that are named without a wildcard exclude each other.
        PatternError: A pattern matches nothing, or a loader lacks an option that is given.
    """
    wanted_transforms = _transforms(registry, transforms)
    found: dict[str, Pipeline] = {}
    for pattern in patterns:
        wants = [pattern] if only is None else [pattern, only]
        for want in wants:
            check_names(registry, want)
        pipelines = _matching(registry, wants, wanted_transforms)
        found.update((pipeline.name, pipeline) for pipeline in pipelines)
    return list(found.values())


def demo(registry: Registry, transforms: Sequence[str] = ()) -> list[Pipeline]:
    """Return the pipelines that ``lemur run`` without arguments trains.

    They are those of the entries that plugins mark as a demo. Where these have several data sets,
    those of the smallest images are trained, which is the quickest.

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
            "nothing to run: no installed plugin brings a demo, a net with embedded data; "
            "install lemur-vision-cls, lemur-seg or lemur-det, or name pipelines (see lemur list)"
        )
    least = min(_image_size(pipeline) for pipeline in pipelines)
    return [pipeline for pipeline in pipelines if _image_size(pipeline) == least]


def _image_size(pipeline: Pipeline) -> float:
    return pipeline.loader_entry.size or math.inf


def _matching(
    registry: Registry, wants: Sequence[Pattern], transforms: Transforms
) -> list[Pipeline]:
    pipelines = _combine(registry, wants, transforms)
    if pipelines:
        return pipelines
    text = " and ".join(repr(str(want)) for want in wants)
    explain_misfit(registry, text, wants, transforms)
    explain_opt_in(registry, text, wants)
    raise PatternError(
        f"{text}: no pipeline of what is installed matches; see lemur list for what there is"
    )


def _combine(
    registry: Registry, wants: Sequence[Pattern], transforms: Transforms
) -> list[Pipeline]:
    served = [
        (task, dataset, loader)
        for dataset, loader in _datasets(registry, wants).items()
        for task in loader.tasks
        if all(want.matches("task", task) for want in wants)
    ]
    metrics, nets = _metrics(registry, wants).items(), _nets(registry, wants).items()
    tasks = {task: _task(registry, task) for task, _, _ in served}
    return [
        Pipeline(
            task,
            dataset,
            metric,
            net,
            loader,
            metric_entry,
            net_entry,
            fitting,
            also,
            tasks[task],
        )
        for (task, dataset, loader), (metric, (metric_entry, also)), (net, net_entry) in product(
            served, metrics, nets
        )
        if all(entry.serves(task) for entry in (metric_entry, net_entry, *also.values()))
        and (fitting := transforms.fitting(task, loader, net_entry))
    ]


def _task(registry: Registry, name: str) -> Entry | None:
    try:
        return registry.get("task", name)
    except UnknownNameError:
        return None


def _datasets(registry: Registry, wants: Sequence[Pattern]) -> dict[str, Entry]:
    """Return the data sets wanted, by their names with their restrictions."""
    full = {id(entry): name for name, entry in registry.entries("loader")}
    return {
        f"{name}{restriction}": _sized(entry, restriction)
        for name, entry in registry.names("loader").items()
        for restriction in _both([want.restrictions(entry.name, full[id(entry)]) for want in wants])
        if all(option in entry.options for option, _ in restriction.options)
    }


def _sized(loader: Entry, restriction: Restriction) -> Entry:
    """Return a loader whose images are as large as an option says, where it has one for that."""
    size = dict(restriction.options).get("size", "")
    # What is no size the loader itself says better.
    return replace(loader, size=int(size)) if _SIZE.fullmatch(size) else loader


def _both(wanted: Sequence[Sequence[Restriction]]) -> Iterable[Restriction]:
    """Yield what all want: of two of which one restricts, that one; of two that differ, none."""
    for given in product(*wanted):
        restricting = {one for one in given if one != NONE}
        if len(restricting) < 2:
            yield restricting.pop() if restricting else NONE


def _metrics(
    registry: Registry, wants: Sequence[Pattern]
) -> dict[str, tuple[Entry, dict[str, Entry]]]:
    """Return the metrics wanted, each with those to record beside it."""
    full = {id(entry): name for name, entry in registry.entries("metric")}
    found = {}
    for name, entry in registry.names("metric").items():
        others = [want.also(entry.name, full[id(entry)]) for want in wants]
        if None not in others:
            also = {other: registry.get("metric", other) for other in chain(*filter(None, others))}
            found[name] = entry, {other: one for other, one in also.items() if one is not entry}
    return found


def _nets(registry: Registry, wants: Sequence[Pattern]) -> dict[str, Entry]:
    """Return the nets wanted, those that are opt-in only where they are named in full."""
    full = {id(entry): name for name, entry in registry.entries("net")}
    named = named_nets(wants)
    return {
        name: entry
        for name, entry in registry.names("net").items()
        if all(want.matches("net", entry.name, full[id(entry)]) for want in wants)
        and (not entry.opt_in or not named.isdisjoint((entry.name, full[id(entry)])))
    }


def _transforms(registry: Registry, wanted: Sequence[str]) -> Transforms:
    every = registry.names("transform")
    for name in wanted:
        if not is_wild(name):
            registry.get("transform", name)
    if not wanted:
        return Transforms(every, asked_for=False)
    chosen = {
        name: entry
        for name, entry in every.items()
        if any(fnmatchcase(name, one) or fnmatchcase(entry.name, one) for one in wanted)
    }
    return Transforms(chosen, asked_for=True, named=wanted)
