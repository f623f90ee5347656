"""Supply the data of a campaign's pipelines: build it when needed, and drop it after use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lemur_core.errors import (
    LemurError,
    MisfitError,
    MissingDataError,
    PluginError,
    ShapeError,
    error_text,
)
from lemur_core.kinds.metric import metric_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.campaign.dataset_fetcher import DatasetFetcher
    from lemur_core.campaign.plan import LiteralNames
    from lemur_core.kinds.loader import DataBundle
    from lemur_core.pipeline import Pipeline


class DataSupply:
    """Supplies pipelines with their data.

    Args:
        pipelines: The pipelines, in the order in which they are trained.
        fetcher: Builds a pipeline's data.
        named: Names given in full. A named dataset that is missing, or a named metric that does
            not fit it, is an error; other pipelines are left out.
        leave_out: Called once with each reason, except for metrics that were not named.
    """

    def __init__(
        self,
        pipelines: Sequence[Pipeline],
        fetcher: DatasetFetcher,
        named: LiteralNames,
        leave_out: Callable[[str], None],
    ) -> None:
        self._pipelines, self._fetcher, self._named = pipelines, fetcher, named
        self._leave_out = leave_out
        self._needed = Counter(map(fetcher.bundles.key, pipelines))
        self._reasons: dict[str, LemurError] = {}
        self._unnamed: dict[str, LemurError] = {}

    def check_named(self) -> None:
        """Build the datasets that are named in full, to report missing ones early.

        Only the data of the first pipeline is kept.

        Raises:
            MissingDataError: A dataset that is named in full is missing.
            MisfitError: A metric that is named in full does not fit such a dataset.
        """
        for pipeline in self._pipelines:
            if pipeline.dataset in self._named.datasets:
                self._fault(pipeline)
        first = self._fetcher.bundles.key(self._pipelines[0])
        for key in self._needed:
            if key != first:
                self._fetcher.bundles.drop(key)

    def bundle(self, pipeline: Pipeline) -> DataBundle | None:
        """Return a pipeline's data; None if the pipeline is left out.

        Raises:
            MissingDataError: A dataset that is named in full is missing.
            MisfitError: A metric that is named in full does not fit such a dataset.
        """
        if self._fault(pipeline) is None:
            return self._fetcher(pipeline)
        self.release(pipeline)
        return None

    def has(self, pipeline: Pipeline) -> bool:
        """Return whether a pipeline's data is available and fits its metrics."""
        return self._fault(pipeline) is None

    def release(self, pipeline: Pipeline) -> None:
        """Drop a pipeline's data unless other pipelines need it."""
        key = self._fetcher.bundles.key(pipeline)
        self._needed[key] -= 1
        if self._needed[key] <= 0:
            self._fetcher.bundles.drop(key)

    def raise_reason(self) -> None:
        """Raise the first error because of which a pipeline was left out, if there is one."""
        for error in (self._reasons or self._unnamed).values():
            raise error

    def _fault(self, pipeline: Pipeline) -> LemurError | None:
        """Return the error because of which a pipeline is left out; None if it can be trained."""
        try:
            _check_metrics(pipeline, self._fetcher(pipeline))
        except (MissingDataError, PluginError, MisfitError) as error:
            is_named = not isinstance(error, _MetricMisfitError) or self._names_metric(pipeline)
            is_plugins = isinstance(error, PluginError)
            if is_named and not is_plugins and pipeline.dataset in self._named.datasets:
                raise
            reasons = self._reasons if is_named else self._unnamed
            if is_named and str(error) not in reasons:
                self._leave_out(str(error))
            return reasons.setdefault(str(error), error)
        return None

    def _names_metric(self, pipeline: Pipeline) -> bool:
        # Additional metrics are always named, as wildcards match only the first one.
        return bool(pipeline.also) or pipeline.metric_entry.name in self._named.metrics


class _MetricMisfitError(MisfitError):
    """A metric that cannot score predictions for a dataset."""


def _check_metrics(pipeline: Pipeline, bundle: DataBundle) -> None:
    """Raise `MisfitError` if a metric cannot score predictions for a dataset."""
    for name, entry in {pipeline.metric: pipeline.metric_entry, **pipeline.also}.items():
        try:
            metric_of(entry, bundle.out_shape)
        except (ShapeError, MisfitError) as error:
            raise _MetricMisfitError(
                f"metric {name!r} does not fit dataset {pipeline.dataset!r}: {error}"
            ) from error
        except LemurError as error:
            raise PluginError(str(error)) from error
        # Foreign code may raise anything; pipelines with other metrics must still be trained.
        except Exception as error:
            raise PluginError(f"metric {name!r} cannot be created: {error_text(error)}") from error
