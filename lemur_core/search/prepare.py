"""Make pipelines ready: their nets' spaces read, their data there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from lemur_core.errors import LemurError, MissingDataError, PluginError, SpaceError
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
    for pipeline in pipelines:
        try:
            space = space_of(pipeline)
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
    for reason in reasons:
        leave_out(reason)
    return ready


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
