"""Make pipelines ready: their nets' spaces read, their data there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from lemur_core.errors import LemurError, MissingDataError, PluginError
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.net import as_net
from lemur_core.pipeline import Pipeline
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


def prepare(
    pipelines: Sequence[Pipeline],
    obtain: Callable[[Pipeline], DataBundle],
    prm: Mapping[str, Given],
    spelt_out: Collection[str],
    leave_out: Callable[[str], None],
) -> list[Ready]:
    """Return the pipelines that can be trained.

    Args:
        pipelines: Those that are wanted.
        obtain: Builds a pipeline's data.
        prm: Ranges that replace the nets' own.
        spelt_out: Data sets whose absence is an error; another's pipelines are left out.
        leave_out: Told why, once for each reason.

    Raises:
        MissingDataError: A data set that is spelt out is not there, or no data set is.
        PluginError: No net can be imported.
        SpaceError: A range cannot be read, or no net has a hyperparameter of its name.
    """
    ready: list[Ready] = []
    reasons: dict[str, LemurError] = {}
    lacking: dict[str, list[str]] = {}
    for pipeline in pipelines:
        before = set(sys.modules)
        try:
            space = space_of(pipeline)
            lacking.setdefault(pipeline.net, _lacking(pipeline, set(sys.modules) - before))
            bundle = obtain(pipeline)
        except (MissingDataError, PluginError) as error:
            if isinstance(error, MissingDataError) and pipeline.dataset in spelt_out:
                raise
            reasons.setdefault(str(error), error)
        else:
            ready.append(Ready(pipeline, override(space, prm), bundle.chance))
    if not ready:
        raise next(iter(reasons.values()))
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


def space_of(pipeline: Pipeline) -> Space:
    """Return the space that a pipeline's net declares, with the transforms that fit.

    Raises:
        PluginError: The net cannot be imported.
    """
    entry = pipeline.net_entry
    try:
        space = of_net(as_net(entry.load(), entry.name).hyperparameters())
    except LemurError:
        raise
    # A stranger's file may fail to import in any way; the other nets must still be trained.
    except Exception as error:
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise PluginError(f"net {entry.name!r} cannot be imported: {text}") from error
    return space | {"transform": Choice(tuple(pipeline.transforms))}
