"""The entries of lemur-trackers. This module imports none of the libraries of the trackers."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_trackers() -> list[Entry]:
    return [
        Entry(name, f"lemur_trackers.{target}", summary=summary)
        for name, target, summary in (
            ("tensorboard", "tensorboard:TensorBoard", "A log folder of TensorBoard per trial"),
            ("mlflow", "mlflow:MLflow", "A run of MLflow per trial, in a file or on a server"),
            ("wandb", "wandb:WandB", "A run of Weights & Biases per trial, offline by default"),
        )
    ]
