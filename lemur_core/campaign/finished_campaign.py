"""Campaigns with nothing left to train, so that the same command again need not load torch.

When a campaign has all that it was asked for, what it was asked for is kept in the user's cache
folder, under a digest of everything that this depends on: the settings, the installed packages, the
files of the core, of plugins and of the data folder, and the code of nets that are files. The same
command then only looks whether the trials in the database are still those. Where anything may have
changed, or cannot be told, the campaign runs as any other.
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
from lemur_core.store.location import file_path, is_url
from lemur_core.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings

# A data folder with more files than that is read each time.
_MOST_FILES = 5000
_MOST_KEPT = 200


@dataclass(frozen=True)
class FinishedCampaign:
    """A campaign that has all that it was asked for.

    Attributes:
        studies: What each study says when it is opened.
        data: What identifies the data set of each.
        devices: The torch devices of its workers.
        trials: What `trial_counts` says of its pipelines.
    """

    studies: Sequence[StudyStarted]
    data: Sequence[DatasetRecord | None]
    devices: Sequence[str]
    trials: Sequence[Sequence[Any]]


def recall(file: Path | None, pipelines: Sequence[Pipeline]) -> FinishedCampaign | None:
    """Return what is known of a campaign that has nothing to train; None if it may have.

    Args:
        file: Where that is kept, as `place` gives it.
        pipelines: The campaign's.
    """
    if file is None:
        return None
    # A damaged file says nothing.
    with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
        return _read(json.loads(file.read_text(encoding="utf-8")), pipelines)
    return None


def remember(settled: FinishedCampaign, file: Path) -> None:
    """Keep what is known of a campaign that has nothing left to train."""
    # The cache may be read-only or full.
    with suppress(OSError, LemurError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacement(file) as written:
            written.write_text(json.dumps(_told(settled)), encoding="utf-8")
        _forget_oldest(file.parent)


def repeated(
    settled: FinishedCampaign, settings: Settings, pipelines: Sequence[Pipeline], watch: Watch
) -> Summary | None:
    """Tell of a campaign that has nothing to train, and return how it ended.

    Returns:
        None if the trials in the database are not those of before, and nothing is told.
    """
    from lemur_core.store.database import opened, place
    from lemur_core.store.datasets import on_each_data
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.standings import standings
    from lemur_core.store.reading.trial_counts import trial_counts
    from lemur_core.store.writing.spill import spill_file, waiting

    with opened(settings.db) as engine:
        file = spill_file(engine)
        if file is not None and waiting(file):
            return None
        found = patiently(engine, lambda connection: trial_counts(connection, pipelines))
        if found != settled.trials:
            return None
        asked = sum(one.asked for one in settled.studies)
        ours = [one.pipeline for one in settled.studies]
        watch(CampaignStarted(ours, asked, settings.epochs, settled.devices, place(engine)))
        for study in settled.studies:
            watch(study)
        names = [one.name for one in ours]
        data = on_each_data(zip(ours, settled.data, strict=True))
        summary = Summary(standings(engine, names, data), db=place(engine))
        watch(CampaignEnded(summary))
        return summary


def _told(settled: FinishedCampaign) -> dict[str, Any]:
    names = ("done", "asked", "fixed", "others")
    return {
        "studies": [
            [one.pipeline.name, {name: getattr(one, name) for name in names}]
            for one in settled.studies
        ],
        "data": [None if one is None else one.texts for one in settled.data],
        "devices": list(settled.devices),
        "trials": settled.trials,
    }


def _read(told: Mapping[str, Any], pipelines: Sequence[Pipeline]) -> FinishedCampaign:
    known = {one.name: one for one in pipelines}
    return FinishedCampaign(
        [StudyStarted(known[name], trials=0, **facts) for name, facts in told["studies"]],
        [None if one is None else DatasetRecord.from_texts(**one) for one in told["data"]],
        told["devices"],
        told["trials"],
    )


def _forget_oldest(folder: Path) -> None:
    kept = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in kept[_MOST_KEPT:]:
        file.unlink(missing_ok=True)


def place(settings: Settings, pipelines: Sequence[Pipeline], registry: Registry) -> Path | None:
    """Return the file where a campaign is kept; None where what it depends on cannot be told."""
    # A negative number of trials asks for more each time, and an estimator makes a summary.
    if settings.trials < 0 or settings.estimator is not None:
        return None
    packages = _packages(registry)
    try:
        parts = [
            _settings(settings),
            *(f"{one.name} {one.net_entry!r} {sorted(one.transforms)}" for one in pipelines),
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
    """What a campaign depends on cannot be told."""


def _settings(settings: Settings) -> str:
    given = {one.name: getattr(settings, one.name) for one in fields(settings)}
    given["db"] = settings.db if is_url(settings.db) else os.path.abspath(file_path(settings.db))
    given["data"] = settings.data.absolute()
    files = [settings.weights, *(point.prm.get("weights") for point in settings.points)]
    named = [Path(file).expanduser() for file in files if isinstance(file, str | Path)]
    # A net may have a hyperparameter of this name.
    identities = [identity_of(file) for file in named if file.is_file()]
    return f"{given!r} {identities}"


def _packages(registry: Registry) -> dict[str, Path]:
    """Return the folders of the core and of plugins by the names of their packages."""
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
        # The folder of an installed distribution has its version in its name.
        yield from sorted(name for name in os.listdir(folder) if name.endswith("-info"))


def _sources(pipelines: Iterable[Pipeline], packages: Mapping[str, Path]) -> Iterator[str]:
    """Yield the code of nets that are not in the packages."""
    entries = {one.net_entry.target: one.net_entry for one in pipelines}
    for entry in entries.values():
        if (entry.module or "").partition(".")[0] not in packages:
            yield entry.code()


def _stamps(folders: Iterable[Path], most: int | None = None) -> Iterator[str]:
    """Yield the path, size and time of each file in folders.

    Raises:
        _UnknownError: There are too many, or a folder is a link to another one.
    """
    count = 0
    for folder in folders:
        for parent, below, files in os.walk(folder):
            below[:] = sorted(name for name in below if name != "__pycache__")
            if any(os.path.islink(os.path.join(parent, name)) for name in below):
                raise _UnknownError
            count += len(files)
            if most is not None and count > most:
                raise _UnknownError
            for name in sorted(files):
                place = os.path.join(parent, name)
                stat = os.stat(place)
                yield f"{place} {stat.st_size} {stat.st_mtime_ns}"
