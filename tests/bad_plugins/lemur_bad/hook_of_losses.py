"""A hook that fails for nets without a loss."""

from lemur_core import hookimpl


@hookimpl
def lemur_epoch_ended(trial, epoch):
    return f"{trial.uid}: {epoch.loss:.3f}"
