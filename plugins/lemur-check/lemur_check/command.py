"""The command ``lemur check``."""

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
@click.option("--name", help="Name of the net; derived from its source if omitted.")
@click.option("--task", default="", help="Task of the net.  [the dataset's task]")
@click.option("--dataset", default="", help="Dataset to train on.  [the task's demo dataset]")
@click.option("--metric", default="", help="Metric to score with.  [the task's demo metric]")
@click.option("-f", "--transform", help="Transform to use.  [the first that fits]")
@click.option("-e", "--epochs", type=int, default=1, show_default=True, help="Epochs to train.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a hyperparameter; others use mid-range.",
)
@click.option("-p", "--prm", metavar="JSON", help="Hyperparameters as a JSON object.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random numbers.")
@click.option(
    "-w", "--workers", type=click.IntRange(1), default=1, help="Nets to check at once.  [1]"
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads of each net.")
@click.option(
    "--limit", type=float, default=10.0, show_default=True, help="Time limit per net, in minutes."
)
@click.option(
    "--memory-limit",
    type=float,
    default=4.0,
    show_default=True,
    help="Memory limit per net, in GiB.",
)
@click.option("--trust", is_flag=True, help="Trust the nets: run them without walls.")
@click.option("--no-walls", is_flag=True, help="Run nets even if bubblewrap cannot be used.")
@click.option("--again", is_flag=True, help="Check sources again that have a verdict.")
@click.option("--replace", is_flag=True, help="Take over the name of another source.")
@click.option("--no-save", is_flag=True, help="Do not save verdicts and nets.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each source.")
@db_option
@data_option
@click.pass_context
def check(context: click.Context, /, place: str, name: str | None, **options: Any) -> None:
    """Check whether a source is a valid net, and report its cost, score and novelty.

    Nets run in a sandbox without network access, with limits on files, time and memory. Verdicts
    are saved; a source with a verdict is not run again. Valid nets can be trained by name.

    Exit status: 0 all are valid, 1 some are not, 2 nothing could be checked.
    """
    from lemur_check.batch import check_sources, sources
    from lemur_check.check import NO_WALLS, checker
    from lemur_check.check_settings import CheckSettings

    names = ("task", "dataset", "metric", "transform", "epochs", "seed")
    settings = CheckSettings(
        **{key: options[key] for key in names}, prm=values_of(options["prm"], options["set_"])
    )
    show = _show_json if options["as_json"] else _show
    invalid = faults = total = 0
    with checker(
        settings,
        limits=_limits(options),
        trust=options["trust"],
        no_walls=options["no_walls"],
        again=options["again"],
        replace=options["replace"],
        workers=options["workers"],
        threads=options["threads"],
        save=not options["no_save"],
        data=options["data"],
        db=options["db"],
    ) as run_check:
        if run_check.not_enforced:
            warn(f"{NO_WALLS} {', '.join(run_check.not_enforced)}")
        named = (
            source._replace(name=name or source.name)
            for source in sources(place, run_check.complete)
        )
        for source, verdict in check_sources(run_check, named, options["workers"]):
            show(source, verdict)
            total += 1
            faults += verdict is None
            invalid += verdict is None or not verdict.valid
    if not total:
        raise SettingsError(f"{place}: contains no source; expected Python files or JSON lines")
    if total > 1 and not options["as_json"]:
        print_line(f"{total:,} sources, {total - invalid:,} valid")
    context.exit(2 if total == faults else int(bool(invalid)))


def _limits(options: dict[str, Any]) -> Limits:
    from lemur_check.sandbox import Limits

    return Limits(
        seconds=options["limit"] * 60, memory_bytes=round(options["memory_limit"] * 2**30)
    )


def _show_json(source: BatchSource, verdict: Verdict | None) -> None:
    facts = {"fault": source.fault} if verdict is None else verdict.facts()
    print_data(json.dumps({"place": source.place, **facts}) + "\n")


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
    """Yield the lines that describe a verdict; values that were not determined are omitted."""
    if verdict.limit:
        yield "ended by a limit, not by its own fault; a greater limit or --again checks it again"
    if verdict.parameters is not None:
        adds = verdict.multiply_adds
        cost = "" if adds is None else f", {adds:,} multiply-adds per image"
        yield f"{verdict.parameters:,} parameters{cost}"
    if verdict.score is not None:
        yield (
            f"score {verdict.score:.4f} (validation {verdict.validation:.4f}) in "
            f"{duration(verdict.seconds or 0.0)}, {verdict.score_per_second:.4f} per second"
        )
    if verdict.novelty is not None:
        yield _novelty(verdict.novelty)
    if verdict.quality is not None:
        yield f"cyclomatic complexity {verdict.quality.complexity}"
        yield from (f"line {line}: {text}" for line, text in verdict.quality.findings)
    yield from (f"line {line}: {text}, which nets do not need" for line, text in verdict.reaches)


def _novelty(novelty: Novelty) -> str:
    if novelty.duplicate_of is not None:
        return f"the same as {novelty.duplicate_of} except for comments and layout"
    if novelty.nearest is None:
        return "no other net is known"
    return f"most similar to {novelty.nearest}: {novelty.similarity:.0%} in common"
