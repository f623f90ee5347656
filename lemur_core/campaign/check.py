"""Check the names in a campaign's settings as a run does, without training anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.campaign.plan import Plan
    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry


def check(
    settings: Settings, plan: Plan, registry: Registry, warn: Callable[[str], None]
) -> Sequence[Pipeline]:
    """Check hyperparameters, sampler, pruner, estimator, device and files of nets.

    Nets, Optuna and torch are only imported if the settings name something that needs them.

    Args:
        settings: The settings.
        plan: Their plan.
        registry: The installed plugins.
        warn: Called with a line about each pipeline that a run would leave out.

    Returns:
        The pipelines that a run would train.

    Raises:
        LemurError: A run would end with this error before it trains.
    """
    if settings.estimator is not None:
        from lemur_core.search.forecast import Forecasting

        Forecasting(settings, registry, warn)
    if settings.device != Settings.device or settings.gpus:
        from lemur_core.train.devices import devices_of

        devices_of(settings.device, settings.gpus, settings.worker_count)
    return _prepared(settings, plan, warn) if _needs_nets(settings, plan) else plan.pipelines


def _needs_nets(settings: Settings, plan: Plan) -> bool:
    """Return whether the settings name something whose check needs the spaces of the nets."""
    has_search = (settings.sampler, settings.pruner) != (Settings.sampler, Settings.pruner)
    has_files = any(pipeline.net_entry.module is None for pipeline in plan.pipelines)
    return bool(settings.prm or has_search or has_files or settings.points or settings.weights)


def _prepared(settings: Settings, plan: Plan, warn: Callable[[str], None]) -> Sequence[Pipeline]:
    from lemur_core.search.prepare import prepare, repeats_line
    from lemur_core.search.study import check_search

    ready = prepare(plan.pipelines, plan.ranges, settings, warn)
    check_search([study.space for study in ready if study.points is None], settings)
    if repeated := repeats_line(ready):
        warn(repeated)
    return [study.pipeline for study in ready]
