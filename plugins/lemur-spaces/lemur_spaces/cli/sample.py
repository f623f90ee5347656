"""``lemur spaces sample``: draw designs of a space and print their complexities."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core import installed
from lemur_core.commands import print_data, print_line, print_text, text_table
from lemur_core.errors import SettingsError
from lemur_core.files import replacement, write_errors
from lemur_spaces.band import parse_band
from lemur_spaces.complexity import Complexity, Images
from lemur_spaces.population import MOST_DRAWS, Request, draw_population

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_spaces.population import PopulationMember
    from lemur_spaces.space import Design, Value

FORMATS = ("table", "csv", "json", "jsonl")
_FROM_ONE = click.IntRange(min=1)
EPILOG = """\b
Examples:
  lemur spaces sample AnyNetX --count 10 --band 360e6..400e6
  lemur spaces sample RegNetY --parameters 1e6..5e6 --px 64 --classes 10
  lemur spaces sample AnyNetX --band 2e6..3e6 --px 32 --set stem=cifar --output nets.csv"""


@click.command(epilog=EPILOG)
@click.argument("space")
@click.option("--count", type=_FROM_ONE, default=10, show_default=True, help="Number of designs.")
@click.option("--band", metavar="LOW..HIGH", help="Limits of the multiply-adds, e.g. 360e6..400e6.")
@click.option("--parameters", metavar="LOW..HIGH", help="Limits of the number of parameters.")
@click.option("--activations", metavar="LOW..HIGH", help="Limits of the number of activations.")
@click.option(
    "--px", type=_FROM_ONE, default=224, show_default=True, help="Height and width of the images."
)
@click.option(
    "--channels", type=_FROM_ONE, default=3, show_default=True, help="Channels of the images."
)
@click.option(
    "--classes", type=_FROM_ONE, default=1000, show_default=True, help="Number of classes."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draws.")
@click.option(
    "--set",
    "shared",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyperparameter of all designs, e.g. stem=cifar; see lemur show space.",
)
@click.option(
    "--invalid",
    type=click.Choice(["adjust", "reject"]),
    default="adjust",
    show_default=True,
    help="What becomes of draws whose numbers contradict each other.",
)
@click.option(
    "--draws",
    type=_FROM_ONE,
    default=MOST_DRAWS,
    show_default=True,
    help="Maximum number of draws.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Format.  [table]")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file, whose suffix .csv, .json or .jsonl selects the format.",
)
def sample(space: str, form: str | None, output: Path | None, **options: Any) -> None:
    """Draw designs of SPACE at random, and print them with their complexities.

    The same options give the same designs. How many draws were adjusted or left out is printed on
    standard error.
    """
    form = _format(form, output)
    entry = installed().get("space", space)
    request = Request(
        entry.name,
        entry.load(),
        options["count"],
        {
            name: parse_band(option, options[option.removeprefix("--")])
            for option, name in _BANDS.items()
            if options[option.removeprefix("--")] is not None
        },
        Images(options["px"], options["channels"], options["classes"]),
        options["seed"],
        dict(_shared(text) for text in options["shared"]),
        options["invalid"] == "adjust",
        options["draws"],
    )
    population = draw_population(request)
    print_line(population.summary(request.name), err=True)
    _write(_text(population.members, form), form, output)


_BANDS = {"--band": "macs", "--parameters": "parameters", "--activations": "activations"}


def _format(form: str | None, output: Path | None) -> str:
    if output is None:
        return form or "table"
    suffix = output.suffix.lower().removeprefix(".")
    if form is None and suffix not in FORMATS:
        raise SettingsError(
            f"--output {str(output)!r}: expected a name that ends in .csv, .json or .jsonl, or "
            "--format"
        )
    return form or suffix


def _shared(text: str) -> tuple[str, Value]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise SettingsError(f"--set {text!r}: expected NAME=VALUE, as in stem=cifar")
    for read in (int, float):
        try:
            return name, read(value)
        except ValueError:
            continue
    return name, value


def _text(members: Sequence[PopulationMember], form: str) -> str:
    rows = [
        {"name": member.name, **member.design, **member.complexity._asdict()} for member in members
    ]
    if form == "table":
        return _table(members)
    if form == "json":
        return json.dumps(rows, indent=2) + "\n"
    if form == "jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows)
    text = StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _table(members: Sequence[PopulationMember]) -> str:
    """Return a table in which the numbers of all stages share a column."""
    settings = _settings(members[0].design)
    rows = [
        [
            member.name,
            *("-".join(str(member.design[name]) for name in names) for names in settings.values()),
            *(f"{value:,}" for value in member.complexity),
        ]
        for member in members
    ]
    return text_table(["name", *settings, *Complexity._fields], rows)


def _settings(design: Design) -> dict[str, list[str]]:
    """Return the names of the hyperparameters by setting: that of all stages is one."""
    settings: dict[str, list[str]] = {}
    for name in design:
        setting, _, stage = name.rpartition("_")
        is_of_stages = stage.isdecimal() and f"{setting}_2" in design
        settings.setdefault(setting if is_of_stages else name, []).append(name)
    return settings


def _write(text: str, form: str, output: Path | None) -> None:
    if output is None:
        print_text(text) if form == "table" else print_data(text)
        return
    with write_errors(output), replacement(output) as path:
        path.write_text(text, encoding="utf-8")
    print_line(f"wrote {output}", err=True)
