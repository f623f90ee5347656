"""Make pipelines ready: their nets' spaces read, or the points that are trained of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError, PluginError, SettingsError, SpaceError
from lemur_core.initial_weights import NAME, InitialWeights
from lemur_core.kinds.net import as_net
from lemur_core.pipeline_code import CodeReader
from lemur_core.search.points import Points
from lemur_core.space import Choice, Given, Space, check_used, of_net, override
from lemur_core.values import preset

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from lemur_core.pipeline import Pipeline
    from lemur_core.points import Point


@dataclass(frozen=True)
class PreparedStudy:
    """A pipeline whose net can be trained, if its data is there.

    Attributes:
        pipeline: The pipeline.
        space: Of hyperparameters to search.
        points: What is trained instead of a search; None where the space is searched.
    """

    pipeline: Pipeline
    space: Space
    points: Points | None = None

    def wanted(self, trials: int, done: int = 0) -> int:
        """Return how many trials it shall have.

        Args:
            trials: How many were asked for; negative, how many more.
            done: How many there are.
        """
        if self.points is not None:
            return len(self.points)
        return trials if trials > 0 else done - trials


def prepare(
    pipelines: Sequence[Pipeline],
    prm: Mapping[str, Given],
    leave_out: Callable[[str], None],
    points: Sequence[Point] = (),
    weights: Path | None = None,
    initial: InitialWeights | None = None,
) -> list[PreparedStudy]:
    """Return the pipelines whose nets can be trained.

    Args:
        pipelines: Those that are wanted.
        prm: Ranges that replace the nets' own.
        leave_out: Told, once for each reason, why a pipeline is left out, and what is not recorded
            of a net's code.
        points: Points to train; none searches the space.
        weights: File of the weights that trials begin with; None begins from scratch.
        initial: Takes the files of weights that are named.

    Raises:
        SettingsError: A file of weights cannot be read.
        PluginError: No net can be imported.
        SpaceError: A range cannot be read, no net has a hyperparameter of its name, or a point does
            not fit a net.
    """
    initial = initial or InitialWeights()
    identity = None if weights is None else initial.add(weights)
    ready: list[PreparedStudy] = []
    reasons: dict[str, LemurError] = {}
    lacking: dict[str, list[str]] = {}
    code = CodeReader()
    for planned in pipelines:
        modules = len(sys.modules)
        pipeline = planned
        try:
            pipeline = code.read(planned)
            space = _overridden(pipeline, space_of(pipeline), prm)
            if pipeline.net not in lacking:
                # They are kept in the order in which they were imported.
                lacking[pipeline.net] = _lacking(pipeline, [*islice(sys.modules, modules, None)])
        except PluginError as error:
            reasons.setdefault(str(error), error)
        else:
            ready.append(PreparedStudy(pipeline, space | _begun_with(pipeline, space, identity)))
    if not ready:
        raise next(iter(reasons.values()))
    check_used(prm, [one.space for one in ready])
    for reason in (*reasons, *chain(*lacking.values())):
        leave_out(reason)
    if not points:
        return ready
    return [
        replace(one, points=Points(points, one.space, one.pipeline.net, initial)) for one in ready
    ]


def _begun_with(pipeline: Pipeline, space: Space, identity: str | None) -> Space:
    """Return the range of the hyperparameter that says what weights trials begin with."""
    if identity is None:
        return {}
    if NAME in space:
        raise SettingsError(
            f"net {pipeline.net!r} has a hyperparameter {NAME!r} of its own, so its trials cannot "
            "begin with weights from a file"
        )
    return {NAME: Choice((identity,))}


def _overridden(pipeline: Pipeline, space: Space, prm: Mapping[str, Given]) -> Space:
    """Return a space with the ranges that are given.

    Raises:
        SpaceError: A range cannot be read, or lacks the value that the net's entry fixes.
    """
    given, fixed_by_entry = override(space, prm), pipeline.net_entry.prm
    for name, value in fixed_by_entry.items():
        if not given[name].holds(value):
            raise SpaceError(
                f"{name}={prm[name]}: net {pipeline.net!r} is registered with {name}={value}; "
                "leave out one of them"
            )
    return given | {name: space[name] for name in fixed_by_entry}


def repeats_line(ready: Sequence[PreparedStudy]) -> str:
    """Return that some points repeat earlier ones, in a line; empty if none does."""
    repeated = list(dict.fromkeys(chain(*(one.points.repeated for one in ready if one.points))))
    if not repeated:
        return ""
    shown = ", ".join(repeated[:3]) + f" and {len(repeated) - 3} more" * (len(repeated) > 3)
    return f"{shown}: the same as an earlier point; each is trained once"


def _lacking(pipeline: Pipeline, imported: Collection[str]) -> list[str]:
    entry = pipeline.net_entry
    return [
        f"net {pipeline.net!r}: not recorded with its code: {thing}"
        for thing in entry.unrecorded(imported)
    ]


def space_of(pipeline: Pipeline) -> Space:
    """Return the space that a pipeline's net declares, with the transforms that fit.

    Raises:
        PluginError: The net cannot be imported, or a range that it declares cannot be read.
    """
    entry = pipeline.net_entry
    try:
        space = of_net(as_net(entry.load(), entry.name).hyperparameters())
        space = preset(space, entry.prm)
    except SpaceError as error:
        raise PluginError(f"net {entry.name!r}: {error}") from error
    except LemurError:
        raise
    # A stranger's file may fail to import in any way; the other nets must still be trained.
    except Exception as error:
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise PluginError(f"net {entry.name!r} cannot be imported: {text}") from error
    return space | {"transform": Choice(tuple(pipeline.transforms))}
