"""Remember finished campaigns, so that repeating the same command need not import torch.

When a campaign has all its trials, a record of it is written to the user's cache folder under a
digest of everything that it depends on: the settings, the installed packages, the files of the
core, of plugins and of the data folder, and the code of nets that are files. The same command then
only checks whether the trials in the database are unchanged. If anything may have changed, or
cannot be determined, the campaign runs like any other.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core.dataset import DatasetRecord
from lemur_core.errors import LemurError
from lemur_core.events import CampaignEnded, CampaignStarted, StudyStarted, Watch
from lemur_core.files import replacement
from lemur_core.initial_weights import identity_of
from lemur_core.settings import DrawnSeed
from lemur_core.store.location import file_path, is_url
from lemur_core.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings

# The files of larger data folders are not compared; the campaign then runs like any other.
_MOST_FILES = 5000
_MOST_RECORDS = 200


@dataclass(frozen=True)
class FinishedCampaign:
    """The record of a campaign that has all its trials.

    Attributes:
        studies: The event that opens each study.
        data: The record of each study's dataset.
        devices: The torch devices of its workers.
        trials: The result of `trial_counts` for its pipelines.
    """

    studies: Sequence[StudyStarted]
    data: Sequence[DatasetRecord | None]
    devices: Sequence[str]
    trials: Sequence[Sequence[Any]]


def recall(file: Path | None, pipelines: Sequence[Pipeline]) -> FinishedCampaign | None:
    """Return the record of a finished campaign; None if something may be left to train.

    Args:
        file: File of the record, as returned by `record_file`.
        pipelines: The pipelines of the campaign.
    """
    if file is None:
        return None
    # A damaged file is ignored.
    with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
        return _read(json.loads(file.read_text(encoding="utf-8")), pipelines)
    return None


def remember(campaign: FinishedCampaign, file: Path) -> None:
    """Write the record of a finished campaign."""
    # The cache may be read-only or full.
    with suppress(OSError, LemurError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacement(file) as written:
            written.write_text(json.dumps(_as_json(campaign)), encoding="utf-8")
        _remove_oldest(file.parent)


def repeat(
    campaign: FinishedCampaign, settings: Settings, pipelines: Sequence[Pipeline], watch: Watch
) -> Summary | None:
    """Repeat the events of a finished campaign, and return its summary.

    Returns:
        None if the trials in the database have changed; there are no events then.
    """
    from lemur_core.store.database import open_engine, place
    from lemur_core.store.datasets import on_each_data
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.standings import standings
    from lemur_core.store.reading.trial_counts import trial_counts
    from lemur_core.store.writing.spill import spill_file, waiting

    with open_engine(settings.db) as engine:
        file = spill_file(engine)
        if file is not None and waiting(file):
            return None
        counts = patiently(engine, lambda connection: trial_counts(connection, pipelines))
        if counts != campaign.trials:
            return None
        total = sum(study.planned for study in campaign.studies)
        own_pipelines = [study.pipeline for study in campaign.studies]
        db = place(engine)
        watch(
            CampaignStarted(
                own_pipelines, total, settings.epochs, campaign.devices, db, settings.seed
            )
        )
        for study in campaign.studies:
            watch(study)
        names = [pipeline.name for pipeline in own_pipelines]
        data = on_each_data(zip(own_pipelines, campaign.data, strict=True))
        summary = Summary(standings(engine, names, data), db=db)
        watch(CampaignEnded(summary))
        return summary


def _as_json(campaign: FinishedCampaign) -> dict[str, Any]:
    names = ("done", "planned", "fixed", "others", "searched", "validation", "is_held_out")
    return {
        "studies": [
            [study.pipeline.name, {name: getattr(study, name) for name in names}]
            for study in campaign.studies
        ],
        "data": [None if record is None else record.texts for record in campaign.data],
        "devices": list(campaign.devices),
        "trials": campaign.trials,
    }


def _read(values: Mapping[str, Any], pipelines: Sequence[Pipeline]) -> FinishedCampaign:
    by_name = {pipeline.name: pipeline for pipeline in pipelines}
    return FinishedCampaign(
        [StudyStarted(by_name[name], trials=0, **facts) for name, facts in values["studies"]],
        [None if texts is None else DatasetRecord.from_texts(**texts) for texts in values["data"]],
        values["devices"],
        values["trials"],
    )


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[_MOST_RECORDS:]:
        file.unlink(missing_ok=True)


def record_file(
    settings: Settings, pipelines: Sequence[Pipeline], registry: Registry
) -> Path | None:
    """Return the file of a campaign's record; None if its dependencies cannot be determined."""
    # A negative number of trials adds trials each time, an estimator adds to the summary, trackers
    # follow each campaign, and a drawn seed does not return.
    if settings.trials < 0 or settings.estimator is not None or settings.tracker:
        return None
    if isinstance(settings.seed, DrawnSeed):
        return None
    packages = _packages(registry)
    try:
        parts = [
            _settings(settings),
            *(
                f"{pipeline.name} {pipeline.net_entry!r} {sorted(pipeline.transforms)}"
                for pipeline in pipelines
            ),
            *_environment(),
            *_stamps(packages.values()),
            *_stamps([settings.data.absolute()], _MOST_FILES),
            *_sources(pipelines, packages),
        ]
    except (_UnknownError, OSError, LemurError):
        return None
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(cache) / "lemur" / "settled" / f"{digest}.json"


class _UnknownError(Exception):
    """The dependencies of a campaign cannot be determined."""


def _settings(settings: Settings) -> str:
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    values["db"] = settings.db if is_url(settings.db) else os.path.abspath(file_path(settings.db))
    values["time"] = None
    values["data"] = settings.data.absolute()
    files = [settings.weights, *(point.prm.get("weights") for point in settings.points)]
    paths = [Path(file).expanduser() for file in files if isinstance(file, str | Path)]
    # A net may have its own hyperparameter ``weights``, whose value is not a file.
    identities = [identity_of(path) for path in paths if path.is_file()]
    return f"{values!r} {identities}"


def _packages(registry: Registry) -> dict[str, Path]:
    """Return the folders of the core and of plugins by package name."""
    modules = [lemur_core, *(plugin.module for plugin in registry.plugins.values())]
    return {
        module.__name__.partition(".")[0]: Path(file).parent
        for module in modules
        if (file := getattr(module, "__file__", None))
    }


def _environment() -> Iterator[str]:
    yield sys.version
    yield from (f"{name}={value}" for name, value in sorted(os.environ.items()) if "LEMUR" in name)
    for folder in filter(os.path.isdir, sys.path):
        # The folder name of an installed distribution contains its version.
        yield from sorted(name for name in os.listdir(folder) if name.endswith("-info"))


def _sources(pipelines: Iterable[Pipeline], packages: Mapping[str, Path]) -> Iterator[str]:
    """Yield the code of nets outside these packages."""
    entries = {pipeline.net_entry.target: pipeline.net_entry for pipeline in pipelines}
    for entry in entries.values():
        if (entry.module or "").partition(".")[0] not in packages:
            yield entry.code()


def _stamps(folders: Iterable[Path], most: int | None = None) -> Iterator[str]:
    """Yield the path, size and time of each file in folders.

    Raises:
        _UnknownError: There are too many files, or a subfolder is a symbolic link.
    """
    count = 0
    for folder in folders:
        for parent, subfolders, files in os.walk(folder):
            subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
            if any(os.path.islink(os.path.join(parent, name)) for name in subfolders):
                raise _UnknownError
            count += len(files)
            if most is not None and count > most:
                raise _UnknownError
            for name in sorted(files):
                path = os.path.join(parent, name)
                stat = os.stat(path)
                yield f"{path} {stat.st_size} {stat.st_mtime_ns}"
