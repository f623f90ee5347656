"""Get the data of pipelines, fetched first where it is missing and may be."""

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
    """Builds the data of each pipeline, and tries once only what cannot be had.

    Args:
        bundles: Where it is built.
        watch: Told how far a file is.
        fetch: Data sets whose files are fetched if they are missing, where the loader can.

    Attributes:
        bundles: Where data is built.
    """

    def __init__(self, bundles: Bundles, watch: Watch, fetch: Collection[str] = ()) -> None:
        self.bundles, self._watch, self._fetch = bundles, watch, fetch
        self._missing: dict[Key, MissingDataError] = {}
        self._told: tuple[str, int] | None = None

    def __call__(self, pipeline: Pipeline) -> DataBundle:
        """Build the pipeline's data and return it.

        Raises:
            MissingDataError: Its files are not there, and cannot be fetched or shall not be.
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
                target.download(self.bundles.folder, self._tell)
            except FetchError as error:
                raise FetchError(f"data set {pipeline.dataset!r}: {error}") from error
            return self.bundles.get(pipeline)

    def _tell(self, fetching: Fetching) -> None:
        # Pieces come by the thousand.
        file, done, total = fetching
        hundredth = (file, 100 * done // total if total else 0)
        if hundredth != self._told:
            self._told = hundredth
            self._watch(FileFetched(file, done, total))
