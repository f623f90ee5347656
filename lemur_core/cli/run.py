"""``lemur run``: the main job."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.aliases import lemur_options, take_aliases
from lemur_core.cli.options import data_option, db_option
from lemur_core.cli.output import print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.pipeline import Pipeline

EPILOG = """\b
Examples:
  lemur run
  lemur run img-classification_digits_acc_ResNet --trials 10 --epochs 20
  lemur run 'img-classification_*_acc_{ResNet,AlexNet}' --data ~/data --dry-run
  lemur run --dataset digits --net my/Net.py --lr 1e-4..1e-1 --batch 2^4..2^7
  lemur run study.toml"""


_KEEP = ("no", "best", "last", "every")


class _Run(click.Command):
    """Takes ``--keep-weights`` without a value too, before a pattern for instance."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write out the value that the flag alone means, and parse."""
        for place, (arg, after) in enumerate(pairwise([*args, ""])):
            if arg == "--":
                break
            if arg == "--keep-weights" and after not in _KEEP:
                args[place] = "--keep-weights=best"
        return super().parse_args(ctx, args)


@click.command(cls=_Run, epilog=EPILOG)
@click.argument("patterns", nargs=-1, metavar="[PATTERN|FILE.py|FILE.toml]...")
@click.option("--task", multiple=True, help="Pipelines of this task only.")
@click.option("--dataset", multiple=True, help="Pipelines of this data set only.")
@click.option("--metric", multiple=True, help="Pipelines of this metric only.")
@click.option("--net", multiple=True, help="Pipelines of this net only, or the path of its file.")
@click.option("-f", "--transform", multiple=True, help="Transforms to search; else all that fit.")
@click.option(
    "-t", "--trials", type=int, help="Trials of each pipeline; negative: that many more.  [3]"
)
@click.option(
    "--points",
    metavar="FILE.jsonl|FILE.csv",
    help="Train each of these hyperparameters once, instead of a search.",
)
@click.option("-e", "--epochs", "--epoch", type=int, help="Epochs of each trial.  [5]")
@click.option("--lr", help="Learning rate: 0.01, or a range to search, 1e-4..1e-1.")
@click.option("--batch", help="Batch size: 64, or 2^4..2^7, or 24,48.")
@click.option("--momentum", help="Momentum: 0.9, or 0..0.99.")
@click.option("--dropout", help="Dropout: 0.2, or 0..0.5.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="NAME=RANGE",
    help="Any hyperparameter: NAME=value, lo..hi, 'lo..hi log', 'lo..hi int' or a,b.",
)
@click.option("-p", "--prm", "--nn_prm", metavar="JSON", help="Hyperparameters as a JSON object.")
@click.option("--seed", type=int, help="Seeds the search and every trial.  [0]")
@click.option("--device", help="cpu, cuda, cuda:1, ...; auto takes a GPU if there is one.  [auto]")
@click.option("--gpus", metavar="0,1,...", help="GPUs to use, a worker on each.")
@click.option("-w", "--workers", type=int, help="Trials to train at once.  [1, or one a GPU]")
@click.option("--threads", type=int, help="CPU threads of a worker; 1 repeats to the last bit.")
@click.option("--precision", metavar="fp32|bf16", help="What nets compute in; both are searched.")
@click.option("--compile", is_flag=True, default=None, help="Compile nets before training.")
@click.option("--channels-last", is_flag=True, default=None, help="Lay out weights so.")
@click.option("--sampler", help="Optuna's sampler: TPE, Random, CmaEs, ...  [TPE]")
@click.option("--pruner", help="Optuna's pruner: Nop, Median, Hyperband, ...  [Nop]")
@click.option(
    "--estimator",
    metavar="NAME[:OPTION=VALUE,...]",
    help="Stop trials when this has settled on their final score: peng4nn, ...",
)
@click.option("--audit", type=float, metavar="SHARE", help="Trials to train on all the same.  [0]")
@click.option(
    "-a",
    "--fail-attempts",
    "--nn_fail_attempts",
    "fail_attempts",
    type=int,
    help="Failures in a row that set a pipeline aside.  [3]",
)
@click.option("--epoch-limit", type=float, help="Minutes an epoch may take.  [30]")
@click.option("--trial-limit", type=float, help="Minutes a trial may take.")
@click.option("--memory-limit", type=float, help="GiB of memory a trial's process may take.")
@click.option(
    "--checkpoint/--no-checkpoint", default=None, help="Keep trials' states, to go on from.  [keep]"
)
@click.option(
    "--keep-weights",
    type=click.Choice(_KEEP),
    help="Keep the weights of each trial's best, last or every epoch; the flag alone: best.  [no]",
)
@click.option("--weights", metavar="FILE.safetensors", help="Begin each trial with these weights.")
@click.option("--in-process", is_flag=True, default=None, help="Train here, for debuggers.")
@db_option
@data_option
@click.option(
    "--download", is_flag=True, default=None, help="Fetch data sets that you name, if missing."
)
@click.option(
    "--skip-corrupt", is_flag=True, default=None, help="Leave out files that cannot be decoded."
)
@click.option(
    "--adopt",
    is_flag=True,
    default=None,
    help="Count trials of unknown data as trained on this data.",
)
@click.option("--dry-run", is_flag=True, help="Print the pipelines and stop.")
@click.option("--quiet", "-q", is_flag=True, help="Print the leaderboard only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
@lemur_options
@click.pass_context
def run(context: click.Context, /, dry_run: bool, quiet: bool, as_json: bool, **given: Any) -> int:
    """Train pipelines and record every epoch.

    PATTERN is task_dataset_metric_net or the beginning of one; a part may hold * and {a,b}. FILE.py
    is a net; FILE.toml holds settings, which flags override. Without any, a few small nets are
    trained on embedded data.

    Exit status: 0 all trials done, 1 some failed or could not be recorded, 2 nothing could be run
    or the database was lost, 130 interrupted.
    """
    from lemur_core.campaign.plan import plan
    from lemur_core.cli.flags import settings_of
    from lemur_core.registry import installed

    settings = settings_of(take_aliases(given), _on_command_line(context))
    if dry_run:
        pipelines = plan(settings, installed()).pipelines
        for pipeline in pipelines:
            print_line(pipeline.name)
        _say_held(settings.db, pipelines)
        return 0
    from lemur_core.campaign.run import campaign
    from lemur_core.cli.progress import watching
    from lemur_core.events import Warned
    from lemur_core.notices import warnings_told

    with (
        watching(quiet=quiet, as_json=as_json) as show,
        warnings_told(lambda line: show(Warned(line))),
    ):
        summary = campaign(settings, installed(), show)
        show.ended(summary)
    return summary.exit_status


def _say_held(db: str, pipelines: Sequence[Pipeline]) -> None:
    from lemur_core.store.location import may_exist

    if not may_exist(db):
        return
    from lemur_core.cli.wording import held_text
    from lemur_core.errors import StoreError
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.held_trials import held_trials

    # The pipelines are what was asked for; the database may be an older one, or away.
    with suppress(StoreError), opened(db) as engine:
        for held in patiently(engine, lambda connection: held_trials(connection, pipelines)):
            if not held.is_over:
                print_line(held_text(held.trials, held.host, held.silent_s), err=True)


def _on_command_line(context: click.Context) -> set[str]:
    default = click.core.ParameterSource.DEFAULT
    return {name for name in context.params if context.get_parameter_source(name) != default}
