"""Build a campaign's settings from command-line flags and a TOML file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.campaign.plan import names_pipelines
from lemur_core.errors import SettingsError
from lemur_core.settings import OF_CONTINUED, SHORT_PRM, Settings, prm_of
from lemur_core.settings_files import run_defaults
from lemur_core.space import Value, fixed, parse_range
from lemur_core.toml_file import read_toml
from lemur_core.trial import Keep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def settings_of(flags: Mapping[str, Any], spelt_out: Collection[str]) -> Settings:
    """Return the settings of a command line.

    If datasets and nets are named without wildcards, and the settings do not say otherwise, the
    best weights and the best trial's checkpoint are kept, and the best trial that ended early is
    trained to its end.

    Args:
        flags: The values that click parsed, by parameter name.
        spelt_out: Names of the flags on the command line or in the environment; for the
            others, the TOML file takes precedence, then the settings files, then the defaults.

    Raises:
        SettingsError: A flag or the file cannot be read.
        SpaceError: A range cannot be parsed.
    """
    values = {name: value for name, value in flags.items() if value not in (None, ())}
    patterns = values.pop("patterns", ())
    files = [text for text in patterns if text.endswith(".toml")]
    if len(files) > 1:
        raise SettingsError(f"{', '.join(files)}: expected one settings file")
    base = read_toml(Path(files[0]), "settings file") if files else {}
    defaults = run_defaults()
    if "points" in values or "points" in base:
        # Nothing is searched, so the defaults of a search do not apply.
        defaults = {name: defaults[name] for name in defaults if name not in ("trials", "sampler")}
    if "continues" in values or "continues" in base:
        left_out = (*OF_CONTINUED, *SHORT_PRM, "prm")
        defaults = {name: defaults[name] for name in defaults if name not in left_out}
    prm = prm_of(defaults) | prm_of(base)
    base = defaults | base
    prm |= ranges_of(values.pop("prm", None), values.pop("set_", ()))
    prm |= {name: values.pop(name) for name in SHORT_PRM if name in values}
    settings = {name: value for name, value in base.items() if name not in SHORT_PRM}
    for name, value in values.items():
        if name in spelt_out or name not in settings:
            settings[name] = value
    pipelines = [text for text in patterns if text not in files]
    if pipelines:
        settings["patterns"] = pipelines
    result = Settings.of({**settings, "prm": prm})
    return _with_defaults_if_named(result, settings)


def _with_defaults_if_named(settings: Settings, given: Collection[str]) -> Settings:
    """Return settings with other defaults if datasets and nets are named without wildcards."""
    if settings.continues is None and not names_pipelines(settings):
        return settings
    # Whoever names a net may want to use it; wildcards can select hundreds.
    defaults: dict[str, Any] = {
        "keep_weights": Keep.BEST, "keep_checkpoints": Keep.BEST, "finish_best": 1
    }  # fmt: skip
    return replace(settings, **{name: defaults[name] for name in defaults.keys() - given})


def ranges_of(prm: str | None, assigned: Iterable[str]) -> dict[str, Any]:
    """Return the ranges of ``--prm`` and ``--set``, by hyperparameter; ``--set`` takes precedence.

    Raises:
        SettingsError: A range cannot be parsed.
    """
    return _json("--prm", prm) | dict(map(_assignment, assigned))


def values_of(prm: str | None, assigned: Iterable[str]) -> dict[str, Value]:
    """Return the values of ``--prm`` and ``--set``, by hyperparameter; ranges are not allowed.

    Raises:
        SettingsError: A value cannot be parsed, or is a range.
        SpaceError: A value cannot be parsed, or is invalid for its hyperparameter.
    """
    ranges = ranges_of(prm, assigned)
    values = fixed({name: parse_range(name, text) for name, text in ranges.items()})
    for name in ranges.keys() - values.keys():
        raise SettingsError(f"{name}={ranges[name]}: is a range; expected one value")
    return values


def _json(flag: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{flag} {text!r} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise SettingsError(f"{flag} {text!r}: expected an object, as in '{{\"lr\": 0.01}}'")
    return value


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise SettingsError(f"--set {text!r}: expected NAME=RANGE, as in --set layers=2..4")
    return name.strip(), value.strip()
