"""``lemur run``: train pipelines and record every epoch."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli import completion
from lemur_core.cli.aliases import lemur_options, resolve_aliases
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
  lemur run --dataset my/images.py --metric acc,my/top3.py --net ResNet
  lemur run study.toml"""


class _Seed(click.ParamType[int | str]):
    """An integer, or the word ``random``."""

    name = "seed"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return an integer, or the word."""
        if value == "random":
            return "random"
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r}: expected an integer, or random", param, ctx)


SEED = _Seed()
_KEEP = ("no", "best", "last", "every")
_KEEP_CHECKPOINTS = ("no", "best", "every")
_KEPT = {"--keep-weights": _KEEP, "--keep-checkpoints": _KEEP_CHECKPOINTS}


class _Run(click.Command):
    """Accepts the options in ``_KEPT`` without a value, for example before a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the default value of these options if they have none, and parse."""
        for place, (arg, after) in enumerate(pairwise([*args, ""])):
            if arg == "--":
                break
            if arg in _KEPT and after not in _KEPT[arg]:
                args[place] = f"{arg}=best"
        return super().parse_args(ctx, args)


@click.command(cls=_Run, epilog=EPILOG)
@click.argument(
    "patterns",
    nargs=-1,
    metavar="[PATTERN|FILE.py|FILE.toml]...",
    shell_complete=completion.patterns,
)
@click.option(
    "--task", multiple=True, shell_complete=completion.patterns, help="Only pipelines of this task."
)
@click.option(
    "--dataset",
    multiple=True,
    shell_complete=completion.names("loader", files=True),
    help="Only pipelines of this dataset, or a FILE.py.",
)
@click.option(
    "--metric",
    multiple=True,
    shell_complete=completion.names("metric", files=True),
    help="Only pipelines of this metric, or a FILE.py.  [a task's first]",
)
@click.option(
    "--net",
    multiple=True,
    shell_complete=completion.names("net", files=True),
    help="Only pipelines of this net, or a FILE.py.",
)
@click.option(
    "-f",
    "--transform",
    multiple=True,
    shell_complete=completion.names("transform", files=True),
    help="Transforms to search: FILE.py, or names at any size: norm_48, 'randcrop*_32'.  [those of "
    "one fitting size without random augmentation]",
)
@click.option(
    "-t", "--trials", type=int, help="Trials of each pipeline in total; -N trains N more.  [3]"
)
@click.option(
    "--points",
    shell_complete=completion.files,
    metavar="FILE.jsonl|FILE.csv",
    help="Train the hyperparameters in each line of the file once instead of searching.",
)
@click.option("-e", "--epochs", "--epoch", type=int, help="Epochs of each trial.  [5]")
@click.option("--lr", help="Learning rate: 0.01, or a range to search, 1e-4..1e-1.")
@click.option("--batch", help="Batch size: 64, a range 2^4..2^7, or values 24,48.")
@click.option("--momentum", help="Momentum: 0.9, or a range to search, 0..0.99.")
@click.option("--dropout", help="Dropout: 0.2, or a range to search, 0..0.5.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="NAME=RANGE",
    help="Value or range of any hyperparameter: NAME=value, NAME=a,b, NAME=lo..hi, "
    "'NAME=lo..hi log' or 'NAME=lo..hi int'; can be repeated.",
)
@click.option("-p", "--prm", "--nn_prm", metavar="JSON", help="Hyperparameters as a JSON object.")
@click.option(
    "--seed",
    metavar="INTEGER|random",
    type=SEED,
    help="Seeds the search and every trial; random draws a seed, prints and records it.  [0]",
)
@click.option(
    "--seeds",
    type=int,
    metavar="N",
    help="Train the best hyperparameters of each pipeline, or each point, with N seeds in total; "
    "the leaderboard has mean and deviation.  [1]",
)
@click.option("--device", help="cpu, cuda, cuda:1, ...; auto uses a GPU if there is one.  [auto]")
@click.option("--gpus", metavar="0,1,...", help="Indices of the GPUs to use, one worker per GPU.")
@click.option("-w", "--workers", type=int, help="Trials to train in parallel.  [1, or one per GPU]")
@click.option(
    "--threads",
    type=int,
    help="CPU threads of each worker; with 1, results repeat to the last bit.  [a share of the "
    "cores]",
)
@click.option(
    "--precision", metavar="fp32|bf16", help="Floating-point format; fp32,bf16 searches both."
)
@click.option("--compile", is_flag=True, default=None, help="Compile nets before training.")
@click.option(
    "--channels-last", is_flag=True, default=None, help="Use the channels-last memory format."
)
@click.option("--sampler", help="Optuna's sampler: TPE, Random, CmaEs, ...  [TPE]")
@click.option("--pruner", help="Optuna's pruner: Nop, Median, Hyperband, ...  [Nop]")
@click.option(
    "--estimator",
    shell_complete=completion.names("estimator", files=True),
    metavar="NAME[:OPTION=VALUE,...]",
    help="Stop a trial once this estimator can predict its final score: peng4nn, ..., or a "
    "FILE.py.",
)
@click.option(
    "--audit",
    type=float,
    metavar="SHARE",
    help="Share of the trials, 0 to 1, to train to the end anyway, to measure the estimator's "
    "error.  [0]",
)
@click.option(
    "--tracker",
    multiple=True,
    shell_complete=completion.names("tracker", files=True),
    metavar="NAME[:OPTION=VALUE,...]",
    help="Pass the progress of trials on to tensorboard, mlflow, wandb, ..., or a FILE.py; '' "
    "switches off those of lemur.toml.",
)
@click.option(
    "--finish-best",
    type=int,
    metavar="N",
    help="Train the N best of each pipeline's trials that ended early, by the estimator or the "
    "pruner, to their last epoch after the search.  [1 if dataset and net are named without "
    "wildcards, else 0]",
)
@click.option(
    "-a",
    "--fail-attempts",
    "--nn_fail_attempts",
    "fail_attempts",
    type=int,
    help="Consecutive failures after which lemur gives up on a pipeline.  [3]",
)
@click.option(
    "--time",
    metavar="DURATION",
    help="Time for the whole campaign, as in 90s, 10m or 2h. Then no trial starts, and running "
    "trials end after their epoch; the same command continues.  [no limit]",
)
@click.option("--epoch-limit", type=float, help="Maximum duration of an epoch in minutes.  [30]")
@click.option(
    "--trial-limit", type=float, help="Maximum duration of a trial in minutes.  [no limit]"
)
@click.option(
    "--memory-limit",
    type=float,
    help="Maximum memory of a trial's process in GiB.  [no limit]",
)
@click.option(
    "--checkpoint/--no-checkpoint",
    default=None,
    help="Save the state of each trial after every epoch, to resume from.  [checkpoint]",
)
@click.option(
    "--keep-weights",
    type=click.Choice(_KEEP),
    help="Keep the weights of each trial's best, last or every epoch, for lemur predict; best if "
    "no value is given.  [best if dataset and net are named without wildcards, else no]",
)
@click.option(
    "--keep-checkpoints",
    type=click.Choice(_KEEP_CHECKPOINTS),
    help="Keep the checkpoint of the best trial of each pipeline, or of every trial, for "
    "--continue; best if no value is given.  [best if dataset and net are named without wildcards, "
    "else no]",
)
@click.option(
    "--continue",
    "continues",
    shell_complete=completion.trials,
    metavar="TRIAL",
    help="Continue an ended trial (id, number, last, best, ...) from its checkpoint, up to "
    "--epochs in total, as a new trial.",
)
@click.option(
    "--weights",
    shell_complete=completion.files,
    metavar="FILE.safetensors",
    help="Initial weights of every trial.",
)
@click.option(
    "--freeze",
    multiple=True,
    metavar="NAME",
    help="Layers of the initial weights that are not trained, 'layer1*'; backbone is all but the "
    "last.",
)
@click.option(
    "--class-weights",
    type=click.Choice(["balanced"]),
    help="Weigh classes in the loss so that all count the same, however many samples they have.",
)
@click.option(
    "--in-process",
    is_flag=True,
    default=None,
    help="Train in this process so that a debugger works.",
)
@click.option(
    "--user",
    metavar="NAME",
    help="Name that each trial records; '' records none.  [LEMUR_USER, or the login name]",
)
@db_option
@data_option
@click.option(
    "--download",
    is_flag=True,
    default=None,
    help="Download missing datasets that you name without a wildcard.",
)
@click.option(
    "--skip-corrupt", is_flag=True, default=None, help="Leave out files that cannot be decoded."
)
@click.option(
    "--adopt",
    is_flag=True,
    default=None,
    help="Record earlier trials whose training data is unknown as trained on this data.",
)
@click.option(
    "--validation",
    type=float,
    metavar="SHARE",
    help="Share of the training samples to hold out for validation, as in 0.2; it becomes part of "
    "the dataset's name.  [0.1, or the dataset's own validation split]",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Cross-validate: train each pipeline K times, with another of K parts of the training "
    "samples as the validation split.",
)
@click.option("--dry-run", is_flag=True, help="Check all names and print the pipelines, then stop.")
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and the leaderboard.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
@lemur_options
@click.pass_context
def run(context: click.Context, /, dry_run: bool, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Train pipelines and record every epoch.

    PATTERN is task_dataset_metric_net or its first parts; each part may contain * and {a,b}.
    FILE.py is a net; lemur new writes one, and files with a loader, metric, transform, estimator
    or tracker for the flags. FILE.toml contains settings, which flags override. Without arguments,
    lemur trains a few small nets on embedded data.

    Exit status: 0 if all trials are done or --time is over, 1 if some failed or could not be
    recorded, 2 if nothing could be run or the database was lost, 130 if interrupted.
    """
    from lemur_core.cli.flags import settings_of
    from lemur_core.cli.wording import transforms_lines
    from lemur_core.registry import installed

    settings = settings_of(resolve_aliases(flags), _on_command_line(context))
    if dry_run:
        from lemur_core.campaign.check import check
        from lemur_core.campaign.run import planned_campaign
        from lemur_core.cli.output import warn

        settings, planned, _ = planned_campaign(settings, installed())
        pipelines = check(settings, planned, installed(), warn)
        for pipeline in pipelines:
            print_line(pipeline.name)
        for line in (*planned.image_sizes, *transforms_lines(pipelines)):
            print_line(line, err=True)
        _print_held_trials(settings.db, pipelines)
        return 0
    from lemur_core.campaign.run import campaign
    from lemur_core.cli.progress import progress_display
    from lemur_core.events import Warned
    from lemur_core.notices import warnings_reported

    with (
        progress_display(quiet=quiet, as_json=as_json) as show,
        warnings_reported(lambda line: show(Warned(line))),
    ):
        summary = campaign(settings, installed(), show)
        show.ended(summary)
    return summary.exit_status


def _print_held_trials(db: str, pipelines: Sequence[Pipeline]) -> None:
    from lemur_core.store.location import may_exist

    if not may_exist(db):
        return
    from lemur_core.cli.wording import held_trials_text
    from lemur_core.errors import StoreError
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.held_trials import held_trials

    # A dry run only has to list pipelines: the database may be an older one, or unreachable.
    with suppress(StoreError), open_engine(db) as engine:
        for held in patiently(engine, lambda connection: held_trials(connection, pipelines)):
            if not held.is_over:
                print_line(held_trials_text(held.trials, held.host, held.silent_s), err=True)


def _on_command_line(context: click.Context) -> set[str]:
    default = click.core.ParameterSource.DEFAULT
    return {name for name in context.params if context.get_parameter_source(name) != default}
