"""A study as its TOML file describes it.

    [population]
    space = "AnyNetX"
    count = 150
    band = "2e6..3e6"         # multiply-adds; also parameters and activations
    px = 32                   # images at which the band applies
    classes = 10
    set = { stem = "cifar" }  # hyperparameters that all designs share

    [training]
    epochs = 20
    error = "top-1"           # or top-5; top-1+top-5 records both
    seeds = 1                 # trainings of each net
    training_error = false    # also score the training split
    transform = "randcrop_flip_{px}"
    lr = 0.05                 # and further hyperparameters of the net
    batch = 64

    [[dataset]]
    name = "cifar-10[samples=2000]"
    px = 32                   # size of the images; epochs, error and transform too

    [longer]                  # optional: train the best and the worst nets longer
    times = 5
    nets = 5

    [noise]                   # optional: train a few nets many times
    seeds = 10
    nets = 2

    [changed]                 # optional: train all nets with other shared hyperparameters
    set = { stem = "simple" }

    [pretrained]              # optional: train on the other datasets from the weights of one
    on = "cifar-10[samples=2000]"

A study has the name of its file.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lemur_core import Pattern, installed
from lemur_core.errors import SettingsError
from lemur_core.toml_file import check_names, count_of, flag_of, read_toml, value_of
from lemur_spaces.band import parse_band
from lemur_spaces.complexity import Images
from lemur_spaces.population import MOST_DRAWS, Request, check_shared
from lemur_spaces.study.spec import (
    CHANGED,
    CONTROLS,
    LONGER,
    METRICS,
    NOISE,
    PRETRAINED,
    Condition,
    SpaceStudy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lemur_spaces.space import Value

_TABLES = ("population", "training", "dataset", *CONTROLS)
_OF_LONGER, _OF_NOISE = ("times", "nets"), ("seeds", "nets")
_BANDS = {"band": "macs", "parameters": "parameters", "activations": "activations"}
_POPULATION = (
    "space", "count", *_BANDS, "px", "channels", "classes", "seed", "set", "invalid", "draws",
)  # fmt: skip
_OF_DATASET = ("name", "px", "epochs", "error", "transform")
_OF_TRAINING = ("epochs", "error", "seeds", "transform", "training_error")
# The other hyperparameters have a single value in the nets of this plugin.
_NEEDED = ("lr", "batch")
_DEFAULTS: dict[str, Any] = {"momentum": 0.9}
_TRANSFORM = "norm_{px}"
# A range, several values or a number, as `lemur run` reads them from text.
_RANGE = re.compile(r"\.\.|,|^[\d.+-]")
_NUMBERS = re.compile(r"\d+")
# Roles of collections have at most as many characters.
_MOST_CHARACTERS = 200


def read_study(path: Path) -> SpaceStudy:
    """Return the study that a TOML file describes.

    Raises:
        SettingsError: The file cannot be read, or a value is missing or wrong.
        PatternError: The restriction of a dataset cannot be read.
        UnknownNameError: The space is not installed.
    """
    tables = read_toml(path)
    check_names(f"{path.name}", tables, _TABLES)
    training = value_of(path.name, tables, "training", dict, None)
    datasets = tables.get("dataset")
    if not isinstance(datasets, list) or not datasets:
        raise SettingsError(f"{path.name} has no dataset; expected [[dataset]] tables with a name")
    seeds = count_of("[training]", training, "seeds", 1)
    conditions = [
        condition
        for table in datasets
        for condition in _with_controls(_condition(table, training, seeds), tables)
    ]
    _check_distinct(conditions)
    conditions += _pretrained(conditions, tables)
    _check_lengths(conditions)
    request = _request(value_of(path.name, tables, "population", dict, None))
    _check_changed(request, conditions)
    has_training_errors = flag_of("[training]", training, "training_error")
    return SpaceStudy(path.stem, request, conditions, has_training_errors)


def _with_controls(condition: Condition, tables: Mapping[str, Any]) -> Iterator[Condition]:
    """Yield a condition and its controls."""
    yield condition
    if LONGER in tables:
        table = value_of("the file", tables, LONGER, dict, None)
        check_names(f"[{LONGER}]", table, _OF_LONGER)
        times, nets = (count_of(f"[{LONGER}]", table, name, 5) for name in _OF_LONGER)
        yield replace(condition, seeds=1, control=LONGER, times=times, nets=nets)
    if NOISE in tables:
        table = value_of("the file", tables, NOISE, dict, None)
        check_names(f"[{NOISE}]", table, _OF_NOISE)
        seeds = count_of(f"[{NOISE}]", table, "seeds", None)
        yield replace(
            condition, seeds=seeds, control=NOISE, nets=count_of(f"[{NOISE}]", table, "nets", 2)
        )
    if CHANGED in tables:
        table = value_of("the file", tables, CHANGED, dict, None)
        check_names(f"[{CHANGED}]", table, ("set",))
        changed = value_of(f"[{CHANGED}]", table, "set", dict, None)
        yield replace(condition, seeds=1, control=CHANGED, changed=changed)


def _pretrained(conditions: Sequence[Condition], tables: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions in which nets start from the weights of one dataset."""
    if PRETRAINED not in tables:
        return []
    where = f"[{PRETRAINED}]"
    table = value_of("the file", tables, PRETRAINED, dict, None)
    check_names(where, table, ("on",))
    dataset = _dataset(value_of(where, table, "on", str, None))
    bases = [condition for condition in conditions if not condition.control]
    sources = [condition for condition in bases if condition.dataset == dataset]
    if len(sources) != 1:
        count = "given several times" if sources else "not one of the datasets"
        raise SettingsError(f"{where}: {dataset!r} is {count}; expected a dataset given once")
    [source] = sources
    others = [condition for condition in bases if condition is not source]
    if not others:
        raise SettingsError(f"{where} trains on the other datasets; expected a second [[dataset]]")
    return [replace(condition, seeds=1, control=PRETRAINED, source=source) for condition in others]


def _request(table: Mapping[str, Any]) -> Request:
    where = "[population]"
    check_names(where, table, _POPULATION)
    entry = installed().get("space", value_of(where, table, "space", str, None))
    invalid = value_of(where, table, "invalid", str, "adjust")
    if invalid not in ("adjust", "reject"):
        raise SettingsError(f"{where}: invalid is {invalid!r}; expected adjust or reject")
    return Request(
        name=entry.name,
        space=entry.load(),
        count=count_of(where, table, "count", None),
        bands={
            complexity: parse_band(f"{where} {name}", table[name])
            for name, complexity in _BANDS.items()
            if name in table
        },
        images=Images(
            count_of(where, table, "px", None),
            count_of(where, table, "channels", 3),
            count_of(where, table, "classes", 1000),
        ),
        seed=value_of(where, table, "seed", int, 0),
        shared=value_of(where, table, "set", dict, {}),
        is_adjusted=invalid == "adjust",
        most_draws=count_of(where, table, "draws", MOST_DRAWS),
    )


def _condition(table: Any, training: Mapping[str, Any], seeds: int) -> Condition:
    where = "[[dataset]]"
    if not isinstance(table, dict):
        raise SettingsError(f"dataset is {table!r}; expected [[dataset]] tables with a name")
    check_names(where, table, _OF_DATASET)
    name = _dataset(value_of(where, table, "name", str, None))
    where = f"dataset {name!r}"
    merged = {**training, **table}
    px = count_of(where, merged, "px", None)
    error = value_of(where, merged, "error", str, "top-1")
    kinds = error.split("+")
    if not set(kinds) <= set(METRICS) or len(kinds) > len(set(kinds)):
        raise SettingsError(f"{where}: error is {error!r}; expected {' or '.join(METRICS)}")
    transform = value_of(where, merged, "transform", str, _TRANSFORM).replace("{px}", str(px))
    if str(px) not in _NUMBERS.findall(transform):
        raise SettingsError(
            f"{where}: transform {transform!r} does not name the size of {px} px; write "
            f"{_TRANSFORM!r}"
        )
    epochs = count_of(where, merged, "epochs", None)
    return Condition(name, px, epochs, error, transform, _prm(training), seeds)


def _dataset(text: str) -> str:
    """Return the name of a dataset in the form in which it is recorded."""
    pattern = Pattern(dataset=(text,))
    if not pattern.literals["dataset"] or "{" in text:
        raise SettingsError(f"dataset {text!r} can be several; expected the name of one")
    return pattern.dataset[0]


def _prm(training: Mapping[str, Any]) -> dict[str, Value]:
    prm = {name: value for name, value in training.items() if name not in _OF_TRAINING}
    for name, value in prm.items():
        if not isinstance(value, int | float | str):
            raise SettingsError(f"[training]: {name} is {value!r}; expected a number or a text")
        if isinstance(value, str) and _RANGE.search(value):
            raise SettingsError(
                f"[training]: {name} is {value!r}; expected a single value, and numbers without "
                "quotation marks"
            )
    for name in _NEEDED:
        if name not in prm:
            raise SettingsError(f"[training] lacks {name!r}; all nets are trained with one value")
    if not isinstance(prm["lr"], int | float) or isinstance(prm["lr"], bool):
        raise SettingsError(f"[training]: lr is {prm['lr']!r}; expected a number")
    count_of("[training]", prm, "batch", None)
    return _DEFAULTS | prm


def _check_distinct(conditions: Sequence[Condition]) -> None:
    # Conditions that only differ in what else they record have the same trainings.
    firsts = [replace(condition, error=condition.error.split("+")[0]) for condition in conditions]
    roles = [condition.role for condition in firsts]
    for role in roles:
        if roles.count(role) > 1:
            raise SettingsError(f"dataset {role.split()[0]!r} is given twice with equal settings")


def _check_changed(request: Request, conditions: Sequence[Condition]) -> None:
    """Raise `SettingsError` unless the control `CHANGED` sets what a population can set."""
    for condition in conditions:
        if condition.control != CHANGED:
            continue
        if not condition.changed:
            raise SettingsError(
                f"[{CHANGED}]: set is empty; expected hyperparameters that all designs share, as "
                "in { NAME = VALUE }"
            )
        try:
            check_shared(request.name, request.space, condition.changed)
        except SettingsError as error:
            raise SettingsError(f"[{CHANGED}]: {error}") from None


def _check_lengths(conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        if len(condition.role) > _MOST_CHARACTERS:
            raise SettingsError(
                f"dataset {condition.dataset!r}: its settings are recorded as {condition.role!r}, "
                f"which has {len(condition.role)} characters; expected at most {_MOST_CHARACTERS}"
            )
