"""Prepare pipelines: read the search spaces of their nets, or the points to train."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from lemur_core.continuation import NAME as CONTINUES
from lemur_core.errors import LemurError, PluginError, SettingsError, SpaceError, error_text
from lemur_core.frozen_layers import NAME as FREEZE
from lemur_core.frozen_layers import as_hyperparameter
from lemur_core.initial_weights import NAME, InitialWeights
from lemur_core.kinds.net import as_net, optional_method
from lemur_core.pipeline_code import CodeReader
from lemur_core.search.points import Points
from lemur_core.space import Choice, RangeSpec, Space, check_used, net_space, override
from lemur_core.train.torch_options import is_foreign, refusal, torch_option
from lemur_core.train.versions import imported_versions
from lemur_core.trial import CLASS_WEIGHTS
from lemur_core.values import preset

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from lemur_core.kinds.net import NetModule
    from lemur_core.pipeline import Pipeline
    from lemur_core.search.start import Start
    from lemur_core.settings import Settings

_WITHOUT = {
    NAME: "its trials cannot start with weights from a file",
    FREEZE: "its layers cannot be frozen",
    CLASS_WEIGHTS: "its classes cannot be weighed",
}


@dataclass(frozen=True)
class PreparedStudy:
    """A pipeline whose net can be trained, provided that its data is available.

    Attributes:
        pipeline: The pipeline.
        space: The space of its hyperparameters.
        points: The points to train; None if the space is searched.
        start: The trial that the only point continues; None if trials start from scratch.
        versions: Versions of the packages that the code of a net of another framework than torch
            imports, by name; empty for torch nets.
    """

    pipeline: Pipeline
    space: Space
    points: Points | None = None
    start: Start | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def trial_count(self, trials: int, done: int = 0) -> int:
        """Return the number of trials that the study is to have.

        Args:
            trials: The number of trials in the settings; if negative, how many to add.
            done: The number of trials that have ended.
        """
        if self.points is not None:
            return len(self.points)
        return trials if trials > 0 else done - trials


def prepare(
    pipelines: Sequence[Pipeline],
    ranges: Mapping[str, RangeSpec],
    settings: Settings,
    leave_out: Callable[[str], None],
    initial: InitialWeights | None = None,
) -> list[PreparedStudy]:
    """Return the pipelines whose nets can be trained.

    Args:
        pipelines: The pipelines to prepare.
        ranges: Ranges that replace the nets' own ranges; those of hyperparameters that a net does
            not have are ignored.
        settings: The user's ranges, each of which a net must have; the points to train; and what
            all trials have in common: the file of initial weights, frozen layers, class weights.
        leave_out: Called once with each reason for leaving out a pipeline, and each part of a
            net's code that is not recorded.
        initial: Registers the files of initial weights; None creates a registry.

    Raises:
        SettingsError: A file of weights cannot be read.
        PluginError: No net can be imported.
        SpaceError: A range cannot be read, no net has a hyperparameter that the user named, or a
            point does not fit a net.
    """
    initial = initial or InitialWeights()
    identity = None if settings.weights is None else initial.add(settings.weights)
    prepared: list[PreparedStudy] = []
    reasons: dict[str, LemurError] = {}
    unrecorded: dict[str, list[str]] = {}
    code = CodeReader()
    for unread_pipeline in pipelines:
        modules = len(sys.modules)
        pipeline = unread_pipeline
        try:
            pipeline = code.read(unread_pipeline)
            module = _module_of(pipeline)
            space = _overridden(pipeline, _space_of(pipeline, module), ranges)
            if settings.class_weights:
                _check_class_weights(pipeline, module)
            versions = _foreign_versions(pipeline, module, space, settings)
            if pipeline.net not in unrecorded:
                # sys.modules is in the order of import.
                imported = [*islice(sys.modules, modules, None)]
                unrecorded[pipeline.net] = _unrecorded(pipeline, imported)
        except PluginError as error:
            reasons.setdefault(str(error), error)
        else:
            fixed = _fixed_by_settings(pipeline, space, settings, identity)
            prepared.append(PreparedStudy(pipeline, space | fixed, versions=versions))
    if not prepared:
        raise next(iter(reasons.values()))
    check_used(settings.prm, [study.space for study in prepared])
    for reason in (*reasons, *chain(*unrecorded.values())):
        leave_out(reason)
    if not settings.points:
        return prepared
    return [
        replace(study, points=Points(settings.points, study.space, study.pipeline.net, initial))
        for study in prepared
    ]


def continuing(study: PreparedStudy, start: Start) -> PreparedStudy:
    """Return a study whose only trial continues another one.

    Raises:
        SettingsError: The code of the net is not the one that trained the first trial, or the net
            has a hyperparameter of the name that says what a trial continues.
    """
    start.check_code(study.pipeline)
    if CONTINUES in study.space:
        raise SettingsError(
            f"net {study.pipeline.net!r} has its own hyperparameter {CONTINUES!r}, so its trials "
            "cannot continue"
        )
    return replace(study, points=Points.of(start.prm), start=start)


def _check_class_weights(pipeline: Pipeline, module: NetModule) -> None:
    if optional_method(module.net, "weigh_classes") is None:
        raise PluginError(
            f"net {pipeline.net_entry.name!r} does not take class weights: it has a loss of its "
            "own, and no method weigh_classes()"
        )


def _foreign_versions(
    pipeline: Pipeline, module: NetModule, space: Space, settings: Settings
) -> Mapping[str, str]:
    """Return the versions of what a net of another framework imports; empty for a torch net.

    Raises:
        PluginError: An option that only exists for torch nets is asked of another net.
    """
    if not is_foreign(module.net):
        return {}
    choices = {name: values.values for name, values in space.items() if isinstance(values, Choice)}
    if settings.freeze:
        choices[FREEZE] = (as_hyperparameter(settings.freeze),)
    for name, values in choices.items():
        for value in values:
            if option := torch_option({name: value}):
                raise PluginError(refusal(pipeline.net_entry.name, option))
    return imported_versions(pipeline.net_entry.code())


def _fixed_by_settings(
    pipeline: Pipeline, space: Space, settings: Settings, identity: str | None
) -> Space:
    """Return the hyperparameters of all trials that the settings give, not the nets.

    Raises:
        SettingsError: The net has its own hyperparameter of one of these names.
    """
    given: dict[str, str] = {} if identity is None else {NAME: identity}
    if settings.freeze:
        given[FREEZE] = as_hyperparameter(settings.freeze)
    if settings.class_weights:
        given[CLASS_WEIGHTS] = settings.class_weights
    for name in given:
        if name in space:
            raise SettingsError(
                f"net {pipeline.net!r} has its own hyperparameter {name!r}, so {_WITHOUT[name]}"
            )
    return {name: Choice((value,)) for name, value in given.items()}


def _overridden(pipeline: Pipeline, space: Space, prm: Mapping[str, RangeSpec]) -> Space:
    """Return a space with the user's ranges in place of the net's.

    Raises:
        SpaceError: A range cannot be read, or lacks the value that the net's entry fixes.
    """
    overridden, fixed_by_entry = override(space, prm), pipeline.net_entry.prm
    for name, value in fixed_by_entry.items():
        if not overridden[name].holds(value):
            raise SpaceError(
                f"{name}={prm[name]}: net {pipeline.net!r} is registered with {name}={value}; "
                "leave out one of them"
            )
    return overridden | {name: space[name] for name in fixed_by_entry}


def repeats_line(ready: Sequence[PreparedStudy]) -> str:
    """Return a line that names points that repeat earlier ones; empty if there are none."""
    repeated = list(
        dict.fromkeys(chain(*(study.points.repeated for study in ready if study.points)))
    )
    if not repeated:
        return ""
    shown = ", ".join(repeated[:3]) + f" and {len(repeated) - 3} more" * (len(repeated) > 3)
    return f"{shown}: the same as an earlier point; each is trained once"


def _unrecorded(pipeline: Pipeline, imported: Collection[str]) -> list[str]:
    entry = pipeline.net_entry
    return [
        f"net {pipeline.net!r}: not recorded with its code: {thing}"
        for thing in entry.unrecorded(imported)
    ]


def _module_of(pipeline: Pipeline) -> NetModule:
    """Return the module of a pipeline's net.

    Raises:
        PluginError: The net cannot be imported.
    """
    entry = pipeline.net_entry
    try:
        return as_net(entry.load(), entry.name)
    except LemurError:
        raise
    # Importing a foreign file may fail in any way; the other nets must still be trained.
    except Exception as error:
        raise PluginError(f"net {entry.name!r} cannot be imported: {error_text(error)}") from error


def _space_of(pipeline: Pipeline, module: NetModule) -> Space:
    """Return the space that a pipeline's net declares, with the pipeline's transforms.

    Raises:
        PluginError: The net declares an invalid range.
    """
    entry = pipeline.net_entry
    try:
        space = preset(net_space(module.hyperparameters()), entry.prm)
    except SpaceError as error:
        raise PluginError(f"net {entry.name!r}: {error}") from error
    except LemurError:
        raise
    # The function may raise anything, as the import may.
    except Exception as error:
        raise PluginError(f"net {entry.name!r} cannot be imported: {error_text(error)}") from error
    return space | {"transform": Choice(tuple(pipeline.transforms))}
