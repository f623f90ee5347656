"""Load the data of pipelines, after downloading missing data if that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import FetchError, MissingDataError
from lemur_core.events import FileFetched, Watch

if TYPE_CHECKING:
    from collections.abc import Collection

    from lemur_core.fetch import Fetching
    from lemur_core.kinds.loader import DataBundle
    from lemur_core.pipeline import Pipeline
    from lemur_core.train.data import Bundles, Key


class DatasetFetcher:
    """Builds the data of each pipeline, and tries only once to get missing data.

    Args:
        bundles: Builds and caches data bundles.
        watch: Called with the progress of downloads.
        fetch: Names of datasets that are downloaded if they are missing and the loader can.

    Attributes:
        bundles: Builds and caches data bundles.
    """

    def __init__(self, bundles: Bundles, watch: Watch, fetch: Collection[str] = ()) -> None:
        self.bundles, self._watch, self._fetch = bundles, watch, fetch
        self._missing: dict[Key, MissingDataError] = {}
        self._progress: tuple[str, int] | None = None

    def __call__(self, pipeline: Pipeline) -> DataBundle:
        """Return the pipeline's data.

        Raises:
            MissingDataError: Files are missing, and cannot or may not be downloaded.
        """
        key = self.bundles.key(pipeline)
        if key in self._missing:
            raise self._missing[key]
        try:
            return self._get(pipeline)
        except MissingDataError as error:
            self._missing[key] = error
            raise

    def _get(self, pipeline: Pipeline) -> DataBundle:
        try:
            return self.bundles.get(pipeline)
        except MissingDataError:
            target = pipeline.loader_entry.load()
            if pipeline.dataset not in self._fetch or not hasattr(target, "download"):
                raise
            try:
                target.download(self.bundles.folder, self._report)
            except FetchError as error:
                raise FetchError(f"dataset {pipeline.dataset!r}: {error}") from error
            return self.bundles.get(pipeline)

    def _report(self, fetching: Fetching) -> None:
        # A download has thousands of parts; report only whole percents.
        file, done, total = fetching
        percent = (file, 100 * done // total if total else 0)
        if percent != self._progress:
            self._progress = percent
            self._watch(FileFetched(file, done, total))
