"""The data of a campaign's pipelines: built when it is needed, dropped when it no longer is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError, MisfitError, MissingDataError, PluginError, ShapeError
from lemur_core.kinds.metric import as_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.campaign.dataset_fetcher import DatasetFetcher
    from lemur_core.campaign.plan import LiteralNames
    from lemur_core.kinds.loader import DataBundle
    from lemur_core.pipeline import Pipeline


class DataSupply:
    """Gives pipelines their data.

    Args:
        pipelines: Those that will be trained, in their order.
        obtain: Builds a pipeline's data.
        named: What is an error where it is missing or does not fit; other pipelines are left out.
        leave_out: Told why, once for each reason; not told of a metric that nobody named.
    """

    def __init__(
        self,
        pipelines: Sequence[Pipeline],
        obtain: DatasetFetcher,
        named: LiteralNames,
        leave_out: Callable[[str], None],
    ) -> None:
        self._pipelines, self._obtain, self._named = pipelines, obtain, named
        self._leave_out = leave_out
        self._needed = Counter(map(obtain.bundles.key, pipelines))
        self._reasons: dict[str, LemurError] = {}
        self._unnamed: dict[str, LemurError] = {}

    def check_named(self) -> None:
        """Build the data sets that are named in full, so that one that is missing is known early.

        Only that of the first pipeline is kept.

        Raises:
            MissingDataError: A data set that is named in full is not there.
            MisfitError: A metric that is named in full cannot score the predictions for a data set
                that is named in full.
        """
        for pipeline in self._pipelines:
            if pipeline.dataset in self._named.datasets:
                self._why_not(pipeline)
        first = self._obtain.bundles.key(self._pipelines[0])
        for key in self._needed:
            if key != first:
                self._obtain.bundles.drop(key)

    def bundle(self, pipeline: Pipeline) -> DataBundle | None:
        """Return a pipeline's data; None where the pipeline is left out.

        Raises:
            MissingDataError: A data set that is named in full is not there.
            MisfitError: A metric that is named in full cannot score the predictions for a data set
                that is named in full.
        """
        if self._why_not(pipeline) is None:
            return self._obtain(pipeline)
        self.release(pipeline)
        return None

    def has(self, pipeline: Pipeline) -> bool:
        """Return whether a pipeline's data is there and fits its metrics."""
        return self._why_not(pipeline) is None

    def release(self, pipeline: Pipeline) -> None:
        """Drop a pipeline's data unless others still need it."""
        key = self._obtain.bundles.key(pipeline)
        self._needed[key] -= 1
        if self._needed[key] <= 0:
            self._obtain.bundles.drop(key)

    def raise_reason(self) -> None:
        """Raise the first reason for which a pipeline was left out, if there is any."""
        for error in (self._reasons or self._unnamed).values():
            raise error

    def _why_not(self, pipeline: Pipeline) -> LemurError | None:
        """Return why a pipeline has to be left out; None where it can be trained."""
        try:
            _check_metrics(pipeline, self._obtain(pipeline))
        except (MissingDataError, PluginError, _MetricMisfitError) as error:
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
        # Those beside the first are never matched by a wildcard.
        return bool(pipeline.also) or pipeline.metric_entry.name in self._named.metrics


class _MetricMisfitError(MisfitError):
    """A metric that cannot score the predictions for a data set."""


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
