"""``lemur check``: whether the sources of nets are good for anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import (
    data_option,
    db_option,
    duration,
    print_data,
    print_line,
    values_of,
    warn,
)
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_check.batch import BatchSource
    from lemur_check.sandbox import Limits
    from lemur_check.verdict import Novelty, Verdict

EPILOG = """\b
Examples:
  lemur check MyNet.py
  lemur check - --dataset 'digits[samples=1000]' < MyNet.py
  lemur check generated.jsonl --workers 2 --epochs 3 --json > verdicts.jsonl
  lemur run --net net-3e112ed9db8d"""


@click.command(epilog=EPILOG)
@click.argument("place", metavar="FILE.py|FOLDER|FILE.jsonl|-")
@click.option("--name", help="The net's name; else it is named after its source.")
@click.option("--task", default="", help="What it is for.  [the data set's, or the demo's]")
@click.option("--dataset", default="", help="What it is tried with.  [the demo's of the task]")
@click.option("--metric", default="", help="What it is scored by.  [the demo's of the task]")
@click.option("-f", "--transform", help="The transform; else the first that fits.")
@click.option("-e", "--epochs", type=int, default=1, show_default=True, help="To train.")
@click.option(
    "--set", "set_", multiple=True, metavar="NAME=VALUE", help="A hyperparameter; else its middle."
)
@click.option("-p", "--prm", metavar="JSON", help="Hyperparameters as a JSON object.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seeds all that is random.")
@click.option("-w", "--workers", type=click.IntRange(1), default=1, help="To check at once.  [1]")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of a net.")
@click.option("--limit", type=float, default=10.0, show_default=True, help="Minutes for a net.")
@click.option("--memory-limit", type=float, default=4.0, show_default=True, help="GiB for a net.")
@click.option("--trust", is_flag=True, help="The nets are your own: run them without walls.")
@click.option("--no-walls", is_flag=True, help="Run them even where bubblewrap cannot be used.")
@click.option("--again", is_flag=True, help="Check again what was checked before.")
@click.option("--replace", is_flag=True, help="Take over the name of another source.")
@click.option("--no-save", is_flag=True, help="Keep neither verdicts nor nets.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each source.")
@db_option
@data_option
@click.pass_context
def check(context: click.Context, /, place: str, name: str | None, **given: Any) -> None:
    """Say whether the source of a net is one, what it costs, what it scores, and if it is new.

    It is run where it can do no harm: without network, files or time to waste. Verdicts are kept;
    what was checked before is not run again. A net that is valid can be trained by its name.

    Exit status: 0 all are valid, 1 some are not, 2 nothing could be checked.
    """
    from lemur_check.batch import checked, sources
    from lemur_check.check import NO_WALLS, checker
    from lemur_check.check_settings import CheckSettings

    names = ("task", "dataset", "metric", "transform", "epochs", "seed")
    asked = CheckSettings(
        **{key: given[key] for key in names}, prm=values_of(given["prm"], given["set_"])
    )
    show = _show_json if given["as_json"] else _show
    bad = faults = total = 0
    with checker(
        asked,
        limits=_limits(given),
        trust=given["trust"],
        no_walls=given["no_walls"],
        again=given["again"],
        replace=given["replace"],
        workers=given["workers"],
        threads=given["threads"],
        save=not given["no_save"],
        data=given["data"],
        db=given["db"],
    ) as one:
        if one.not_enforced:
            warn(f"{NO_WALLS} {', '.join(one.not_enforced)}")
        found = sources(place, one.complete)
        wanted = (each._replace(name=name or each.name) for each in found)
        for source, verdict in checked(one, wanted, given["workers"]):
            show(source, verdict)
            total += 1
            faults += verdict is None
            bad += verdict is None or not verdict.valid
    if not total:
        raise SettingsError(f"{place}: holds no source; expected files of Python, or lines of JSON")
    if total > 1 and not given["as_json"]:
        print_line(f"{total:,} sources, {total - bad:,} valid")
    context.exit(2 if total == faults else int(bool(bad)))


def _limits(given: dict[str, Any]) -> Limits:
    from lemur_check.sandbox import Limits

    return Limits(seconds=given["limit"] * 60, memory_bytes=round(given["memory_limit"] * 2**30))


def _show_json(source: BatchSource, verdict: Verdict | None) -> None:
    told = {"fault": source.fault} if verdict is None else verdict.facts()
    print_data(json.dumps({"place": source.place, **told}) + "\n")


def _show(source: BatchSource, verdict: Verdict | None) -> None:
    if verdict is None:
        print_line(f"{source.place}: {source.fault}", err=True)
        return
    print_line(f"{source.place}: {_headline(verdict)}")
    for line in _lines(verdict):
        print_line(f"  {line}")


def _headline(verdict: Verdict) -> str:
    if verdict.valid:
        return f"{verdict.name} is valid"
    line = f", line {verdict.line}" if verdict.line else ""
    return f"{verdict.name} is not valid: {verdict.step}{line}: {verdict.reason}"


def _lines(verdict: Verdict) -> Iterator[str]:
    """Yield what was found, but what is nothing."""
    if verdict.limit:
        yield "a limit ended it, not its own fault; a greater limit or --again checks it again"
    if verdict.parameters is not None:
        adds = verdict.multiply_adds
        cost = "" if adds is None else f", {adds:,} multiply-adds for an image"
        yield f"{verdict.parameters:,} parameters{cost}"
    if verdict.score is not None:
        yield (
            f"score {verdict.score:.4f} (validation {verdict.validation:.4f}) in "
            f"{duration(verdict.seconds or 0.0)}, {verdict.score_per_second:.4f} a second"
        )
    if verdict.novelty is not None:
        yield _novelty(verdict.novelty)
    if verdict.quality is not None:
        yield f"cyclomatic complexity {verdict.quality.complexity}"
        yield from (f"line {line}: {text}" for line, text in verdict.quality.findings)
    yield from (f"line {line}: {text}, as nets need not" for line, text in verdict.reaches)


def _novelty(novelty: Novelty) -> str:
    if novelty.duplicate_of is not None:
        return f"the same as {novelty.duplicate_of}, but for comments and layout"
    if novelty.nearest is None:
        return "no other net is known"
    return f"most like {novelty.nearest}: {novelty.similarity:.0%} in common"
