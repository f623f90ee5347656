"""Read the specification of a zoo from a TOML file or by its published name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError, hint
from lemur_core.toml_file import check_names, count_of, read_toml, value_of
from lemur_zoo.spec.factors import read_factors
from lemur_zoo.spec.published import PUBLISHED
from lemur_zoo.spec.spec import AUGMENTATIONS, ZooSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = ("zoo", "factors", "members")
_OF_ZOO = ("dataset", "net", "px", "channels", "epochs", "validation", "start", "width", "augment")
_OF_MEMBERS = ("repeats", "sample", "seeds", "seed")
_SEEDS = ("fixed", "random")


def find_spec(text: str) -> ZooSpec:
    """Return the specification in a TOML file, or the published one of a name.

    Args:
        text: The path of a file that ends in ``.toml``; or a published name, which
            ``@DATASET`` applies to another dataset.

    Raises:
        SettingsError: There is no such file or name, or the specification is invalid.
    """
    if text.lower().endswith(".toml"):
        return read_spec(Path(text))
    name, at, dataset = text.partition("@")
    if name not in PUBLISHED:
        raise SettingsError(
            f"unknown zoo {name!r}{hint(name, [*PUBLISHED])}; or name a file that ends in .toml"
        )
    spec = PUBLISHED[name]
    if not at:
        return spec
    if not dataset:
        raise SettingsError(f"zoo {text!r}: expected a dataset after @, as in {name}@digits")
    # The published number of validation images is a number of the published dataset.
    # The same holds for colour; what is grey is grey for any dataset.
    channels = 1 if spec.channels == 1 else 0
    return replace(spec, name=text, dataset=dataset, validation=None, channels=channels)


def read_spec(path: Path) -> ZooSpec:
    """Return the specification in a TOML file; its name is that of the file.

    Raises:
        SettingsError: The file cannot be read, or a value is unknown, missing or wrong.
    """
    tables = read_toml(path)
    check_names(path.name, tables, _TABLES)
    zoo, factors, members = (value_of(path.name, tables, name, dict, {}) for name in _TABLES)
    check_names("[zoo]", zoo, _OF_ZOO)
    check_names("[members]", members, _OF_MEMBERS)
    sample = count_of("[members]", members, "sample", 0, least=0)
    seeds = value_of("[members]", members, "seeds", str, "fixed")
    if seeds not in _SEEDS:
        raise SettingsError(f"[members]: seeds is {seeds!r}; expected {' or '.join(_SEEDS)}")
    if sample and "repeats" in members:
        raise SettingsError("[members]: expected either repeats, for a grid, or sample")
    channels = count_of("[zoo]", zoo, "channels", 0, least=0)
    if channels not in (0, 1, 3):
        raise SettingsError(f"[zoo]: channels is {channels}; expected 1 (grey) or 3 (colour)")
    return ZooSpec(
        name=path.stem,
        dataset=value_of("[zoo]", zoo, "dataset", str, None),
        net=value_of("[zoo]", zoo, "net", str, "CNN-S"),
        factors=read_factors("[factors]", factors, drawn=bool(sample)),
        px=count_of("[zoo]", zoo, "px", 28),
        channels=channels,
        epochs=count_of("[zoo]", zoo, "epochs", 50),
        validation=count_of("[zoo]", zoo, "validation", None) if "validation" in zoo else None,
        repeats=count_of("[members]", members, "repeats", 1),
        sample=sample,
        seeds=seeds,
        seed=count_of("[members]", members, "seed", 42, least=0),
        start=_start(zoo),
        width=count_of("[zoo]", zoo, "width", 0, least=0),
        augment=_augment(zoo),
    )


def _augment(zoo: Mapping[str, Any]) -> tuple[str, ...]:
    value = zoo.get("augment", [])
    given = value if isinstance(value, list) else [value]
    for name in given:
        if name not in AUGMENTATIONS:
            raise SettingsError(
                f"[zoo]: augment has {name!r}; expected {' or '.join(map(repr, AUGMENTATIONS))}"
            )
    return tuple(name for name in AUGMENTATIONS if name in given)


def _start(zoo: Mapping[str, Any]) -> str:
    start: str = value_of("[zoo]", zoo, "start", str, "")
    # A zoo may be continued from another working directory.
    return str(Path(start).resolve()) if start else ""
