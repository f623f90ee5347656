"""Compose the pipelines that match patterns from the entries of the installed plugins."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain, filterfalse, product
from typing import TYPE_CHECKING

from lemur_core.errors import PatternError, SettingsError, UnknownNameError
from lemur_core.fitting import Transforms
from lemur_core.image_size import UsualSizes
from lemur_core.misfit import check_names, explain_misfit, explain_opt_in, named_nets
from lemur_core.pattern import Pattern, is_wild
from lemur_core.pipeline import Pipeline
from lemur_core.restriction import NONE, Restriction, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lemur_core.entry import Entry
    from lemur_core.registry import Registry

_SIZE = re.compile("[1-9][0-9]{0,4}")  # pixels


def compose(
    registry: Registry,
    patterns: Sequence[Pattern],
    transforms: Sequence[str] = (),
    only: Pattern | None = None,
    sizes: UsualSizes | None = None,
) -> list[Pipeline]:
    """Return all pipelines that match a pattern and are possible with the installed plugins.

    Args:
        registry: The installed plugins.
        patterns: Patterns; their pipelines are returned in the same order.
        transforms: Names or wildcards of the transforms to search; empty means all of one fitting
            size that draw no random numbers.
        only: A pattern that each pipeline must match too.
        sizes: The usual image sizes of datasets; None leaves them unknown.

    Raises:
        UnknownNameError: A name without wildcards, of a transform or in a pattern, is not
            installed.
        MisfitError: Entries that a pattern names without wildcards exclude each other.
        PatternError: A pattern matches nothing, or a loader does not have an option.
    """
    chosen_transforms = _transforms(registry, transforms)
    pipelines: dict[str, Pipeline] = {}
    for pattern in patterns:
        wants = [pattern] if only is None else [pattern, only]
        for want in wants:
            check_names(registry, want)
        matching = _matching(registry, wants, chosen_transforms, sizes or UsualSizes(None))
        pipelines.update((pipeline.name, pipeline) for pipeline in matching)
    return list(pipelines.values())


def dataset_named(registry: Registry, text: str, task: str, metric: str) -> str:
    """Return the name of a dataset as it is recorded, with its restriction.

    Args:
        registry: The installed plugins.
        text: The name of one dataset; a restriction can follow in brackets.
        task: Name of a task that it serves.
        metric: Name of a metric of this task.

    Raises:
        SettingsError: The text can mean several datasets.
        UnknownNameError: No such dataset is installed.
        MisfitError: The dataset does not serve the task.
        PatternError: The restriction cannot be parsed.
    """
    pattern = Pattern((task,), (text,), (metric,))
    if not pattern.literals["dataset"] or "{" in text:
        raise SettingsError(f"dataset {text!r} is a pattern; expected the name of one dataset")
    return compose(registry, [pattern])[0].dataset


def demo(registry: Registry, transforms: Sequence[str] = ()) -> list[Pipeline]:
    """Return the pipelines that ``lemur run`` without arguments trains.

    They consist of entries that plugins mark as demo. If several datasets are marked, only those
    with the smallest images are used, because they train fastest.

    Raises:
        PatternError: The installed plugins provide no demo.
    """
    demo_transforms = [name for name, entry in registry.names("transform").items() if entry.demo]
    pipelines = [
        pipeline
        for pipeline in _combine(
            registry, [], _transforms(registry, transforms or demo_transforms), UsualSizes(None)
        )
        if pipeline.loader_entry.demo and pipeline.net_entry.demo and pipeline.metric_entry.demo
    ]
    if not pipelines:
        raise PatternError(
            "nothing to run: no installed plugin provides a demo, a net with embedded data; "
            "install lemur-vision-cls, lemur-seg or lemur-det, or name pipelines (see lemur list)"
        )
    least = min(_image_size(pipeline) for pipeline in pipelines)
    return [pipeline for pipeline in pipelines if _image_size(pipeline) == least]


def _image_size(pipeline: Pipeline) -> float:
    return pipeline.loader_entry.size or math.inf


def _matching(
    registry: Registry, wants: Sequence[Pattern], transforms: Transforms, sizes: UsualSizes
) -> list[Pipeline]:
    pipelines = _combine(registry, wants, transforms, sizes)
    if pipelines:
        return pipelines
    text = " and ".join(repr(str(want)) for want in wants)
    explain_misfit(registry, text, wants, transforms)
    explain_opt_in(registry, text, wants)
    raise PatternError(
        f"{text}: no pipeline of the installed entries matches; lemur list shows the entries"
    )


def _combine(
    registry: Registry, wants: Sequence[Pattern], transforms: Transforms, sizes: UsualSizes
) -> list[Pipeline]:
    served = [
        (task, dataset, loader)
        for dataset, loader in _datasets(registry, wants).items()
        for task in loader.tasks
        if all(want.matches("task", task) for want in wants)
    ]
    usual = {
        dataset: None if transforms.by_user else sizes.of(dataset, loader, split(dataset)[1])
        for _, dataset, loader in served
    }
    metrics, nets = _metrics(registry, wants), _nets(registry, wants).items()
    is_named = not wants or any(want.metric for want in wants)
    first = {} if is_named else {task: _first(metrics, task) for task, _, _ in served}
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
            served, metrics.items(), nets
        )
        if first.get(task, metric) == metric
        and all(entry.serves(task) for entry in (metric_entry, net_entry, *also.values()))
        and (fitting := transforms.fitting(task, loader, net_entry, usual[dataset]))
    ]


def _task(registry: Registry, name: str) -> Entry | None:
    try:
        return registry.get("task", name)
    except UnknownNameError:
        return None


def _datasets(registry: Registry, wants: Sequence[Pattern]) -> dict[str, Entry]:
    """Return the loaders of the matching datasets, by name with restriction."""
    full = {id(entry): name for name, entry in registry.entries("loader")}
    return {
        f"{name}{restriction}": _sized(entry, restriction)
        for name, entry in registry.names("loader").items()
        for restriction in _common(
            [want.restrictions(entry.name, full[id(entry)]) for want in wants]
        )
        if all(option in entry.options for option, _ in restriction.options)
    }


def _sized(loader: Entry, restriction: Restriction) -> Entry:
    """Return a loader with the image size of its option ``size``, if the option is given."""
    size = dict(restriction.options).get("size", "")
    # The loader itself reports an invalid size with a better message.
    return replace(loader, size=int(size)) if _SIZE.fullmatch(size) else loader


def _common(choices: Sequence[Sequence[Restriction]]) -> Iterable[Restriction]:
    """Yield the restrictions on which all patterns agree; an unrestricted name agrees with any."""
    for combination in product(*choices):
        restricting = {restriction for restriction in combination if restriction != NONE}
        if len(restricting) < 2:
            yield restricting.pop() if restricting else NONE


def _metrics(
    registry: Registry, wants: Sequence[Pattern]
) -> dict[str, tuple[Entry, dict[str, Entry]]]:
    """Return the matching metrics, each with the metrics to record with it."""
    full = {id(entry): name for name, entry in registry.entries("metric")}
    metrics = {}
    for name, entry in registry.names("metric").items():
        others = [want.also(entry.name, full[id(entry)]) for want in wants]
        if None not in others:
            also = {other: registry.get("metric", other) for other in chain(*filter(None, others))}
            also = {other: metric for other, metric in also.items() if metric is not entry}
            metrics[name] = entry, also
    return metrics


def _first(metrics: Mapping[str, tuple[Entry, dict[str, Entry]]], task: str) -> str:
    """Return the metric of a task that is used if none is named; empty if there is none.

    It is the metric of the demo, or else the one that is registered first.
    """
    names = [name for name, (entry, _) in metrics.items() if entry.serves(task)]
    return next((name for name in names if metrics[name][0].demo), next(iter(names), ""))


def _nets(registry: Registry, wants: Sequence[Pattern]) -> dict[str, Entry]:
    """Return the matching nets; opt-in nets only if they are named in full."""
    full = {id(entry): name for name, entry in registry.entries("net")}
    named = named_nets(wants)
    return {
        name: entry
        for name, entry in registry.names("net").items()
        if all(want.matches("net", entry.name, full[id(entry)]) for want in wants)
        and (not entry.opt_in or not named.isdisjoint((entry.name, full[id(entry)])))
    }


def _transforms(registry: Registry, patterns: Sequence[str]) -> Transforms:
    installed = registry.names("transform")
    if not patterns:
        return Transforms(installed, by_user=False)
    chosen = {
        name: entry
        for name, entry in installed.items()
        if any(
            fnmatchcase(name, pattern) or fnmatchcase(entry.name, pattern) for pattern in patterns
        )
    }
    keys = {id(entry): name for name, entry in installed.items()}
    for name in filterfalse(is_wild, patterns):
        entry = registry.get("transform", name)
        # The entry of a size that is not listed is created on request.
        chosen[keys.get(id(entry), entry.name)] = entry
    return Transforms(chosen, by_user=True, named=patterns)
