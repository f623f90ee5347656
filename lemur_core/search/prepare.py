"""Make pipelines ready: their nets' spaces read, their data there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from lemur_core.errors import (
    LemurError,
    MisfitError,
    MissingDataError,
    PluginError,
    ShapeError,
    SpaceError,
)
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.metric import as_metric
from lemur_core.kinds.net import as_net
from lemur_core.pipeline import Pipeline
from lemur_core.search.code import CodeReader
from lemur_core.space import Choice, Given, Space, check_used, of_net, override


@dataclass(frozen=True)
class Ready:
    """A pipeline that can be trained.

    Attributes:
        pipeline: The pipeline.
        space: Of hyperparameters to search.
        chance: Score of guessing on its data, 0 to 1.
    """

    pipeline: Pipeline
    space: Space
    chance: float = 0.0


class LiteralNames(NamedTuple):
    """The names that a command gives in full, without a wildcard.

    Attributes:
        datasets: Of data sets.
        metrics: Of metrics, without their plugins.
    """

    datasets: AbstractSet[str]
    metrics: AbstractSet[str]


def prepare(
    pipelines: Sequence[Pipeline],
    obtain: Callable[[Pipeline], DataBundle],
    prm: Mapping[str, Given],
    named: LiteralNames,
    leave_out: Callable[[str], None],
) -> list[Ready]:
    """Return the pipelines that can be trained.

    Args:
        pipelines: Those that are wanted.
        obtain: Builds a pipeline's data.
        prm: Ranges that replace the nets' own.
        named: What is an error where it is missing or does not fit; of the rest, pipelines are
            left out.
        leave_out: Told why, once for each reason; not told of a metric that nobody named.

    Raises:
        MissingDataError: A data set that is named in full is not there, or no data set is.
        MisfitError: A metric that is named in full cannot score the predictions for a data set
            that is named in full, or no metric can.
        PluginError: No net can be imported.
        SpaceError: A range cannot be read, or no net has a hyperparameter of its name.
    """
    ready: list[Ready] = []
    reasons: dict[str, LemurError] = {}
    lacking: dict[str, list[str]] = {}
    unnamed: dict[str, LemurError] = {}
    code = CodeReader()
    for planned in pipelines:
        before = set(sys.modules)
        pipeline = planned
        try:
            pipeline = code.read(planned)
            space = space_of(pipeline)
            lacking.setdefault(pipeline.net, _lacking(pipeline, set(sys.modules) - before))
            bundle = obtain(pipeline)
            _check_metrics(pipeline, bundle)
        except (MissingDataError, PluginError, _MetricMisfitError) as error:
            is_named = not isinstance(error, _MetricMisfitError) or _names_metric(named, pipeline)
            is_plugins = isinstance(error, PluginError)
            if is_named and not is_plugins and pipeline.dataset in named.datasets:
                raise
            (reasons if is_named else unnamed).setdefault(str(error), error)
        else:
            ready.append(Ready(pipeline, override(space, prm), bundle.chance))
    if not ready:
        raise next(iter((reasons or unnamed).values()))
    check_used(prm, [one.space for one in ready])
    for reason in (*reasons, *chain(*lacking.values())):
        leave_out(reason)
    return ready


def _lacking(pipeline: Pipeline, imported: Collection[str]) -> list[str]:
    entry = pipeline.net_entry
    return [
        f"net {pipeline.net!r}: not recorded with its code: {thing}"
        for thing in entry.unrecorded(imported)
    ]


class _MetricMisfitError(MisfitError):
    """A metric that cannot score the predictions for a data set."""


def _names_metric(named: LiteralNames, pipeline: Pipeline) -> bool:
    # Those beside the first are never matched by a wildcard.
    return bool(pipeline.also) or pipeline.metric_entry.name in named.metrics


def _check_metrics(pipeline: Pipeline, bundle: DataBundle) -> None:
    """Raise `MisfitError` where a metric cannot score the predictions for a data set."""
    for name, entry in {pipeline.metric: pipeline.metric_entry, **pipeline.also}.items():
        try:
            as_metric(entry.load(), bundle.out_shape, entry.name)
        except (ShapeError, MisfitError) as error:
            raise _MetricMisfitError(
                f"metric {name!r} does not fit data set {pipeline.dataset!r}: {error}"
            ) from error
        except LemurError as error:
            raise PluginError(str(error)) from error
        # A stranger's code may raise anything; pipelines with other metrics must still be trained.
        except Exception as error:
            text = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise PluginError(f"metric {name!r} cannot be made: {text}") from error


def space_of(pipeline: Pipeline) -> Space:
    """Return the space that a pipeline's net declares, with the transforms that fit.

    Raises:
        PluginError: The net cannot be imported, or a range that it declares cannot be read.
    """
    entry = pipeline.net_entry
    try:
        space = of_net(as_net(entry.load(), entry.name).hyperparameters())
    except SpaceError as error:
        raise PluginError(f"net {entry.name!r}: {error}") from error
    except LemurError:
        raise
    # A stranger's file may fail to import in any way; the other nets must still be trained.
    except Exception as error:
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise PluginError(f"net {entry.name!r} cannot be imported: {text}") from error
    return space | {"transform": Choice(tuple(pipeline.transforms))}
