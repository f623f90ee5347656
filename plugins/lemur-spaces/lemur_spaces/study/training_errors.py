"""The errors of a study's nets on the training split, a control of the errors on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import lemur_core
from lemur_core.errors import UnknownNameError, error_text
from lemur_core.training import Bundles, batches, build_metrics
from lemur_spaces.study.pipelines import TASK, pipeline_of
from lemur_spaces.study.spec import TRAINING_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lemur_core import Pipeline, Trained
    from lemur_core.kinds.loader import DataBundle
    from lemur_spaces.study.spec import Condition


def record_training_errors(
    condition: Condition,
    net: str,
    trials: Iterable[str],
    db: str,
    data: Path,
    say: Callable[[str], None],
) -> None:
    """Record the training errors of trials that lack them, as facts of their best epochs.

    The training split is scored as the other splits are: without augmentation, and with the weights
    of the epoch with the best validation score. A trial without kept weights is trained again, up
    to this epoch. The error of a net that fails is left out.

    Args:
        condition: The condition of the trials.
        net: Name of the net.
        trials: Ids of finished trials.
        db: The database.
        data: Folder of the datasets.
        say: Called with a line for each error that cannot be computed.
    """
    known = _known(condition, net, db)
    lacking = [uid for uid in trials if uid not in known]
    if not lacking:
        return
    say(f"{condition.dataset}: training errors of {len(lacking):,} net{'s' * (len(lacking) != 1)}")
    pipeline = pipeline_of(condition, net)
    bundle = Bundles(data).get(pipeline)
    for uid in lacking:
        # The code of nets may raise anything; the others are still scored.
        try:
            trained = lemur_core.trained(uid, db=db, data=data)
            error = _training_error(trained, pipeline, bundle)
            lemur_core.record(uid, {TRAINING_ERROR: error}, epoch=trained.epoch, db=db)
        except Exception as error:
            say(f"trial {uid}: its training error is unknown: {error_text(error)}")


def _known(condition: Condition, net: str, db: str) -> set[str]:
    """Return the ids of the trials of a condition whose training error is recorded."""
    try:
        rows = lemur_core.data(
            task=TASK,
            dataset=condition.dataset,
            metric=condition.metrics[0],
            nn=net,
            columns=["trial", TRAINING_ERROR],
            db=db,
        )
    except UnknownNameError:
        return set()
    return {*rows.dropna(subset=[TRAINING_ERROR])["trial"]}


def _training_error(trained: Trained, pipeline: Pipeline, bundle: DataBundle) -> float:
    """Return the error of a net on the training split, 0 to 1."""
    device, prm = torch.device(trained.device), trained.description.prm
    [metric] = build_metrics(pipeline, bundle.out_shape, device).values()
    # The transform is on the CPU.
    scored = batches(
        bundle.train,
        trained.transform,
        int(prm["batch"]),
        torch.device("cpu"),
        training=False,
        collate=bundle.collate,
    )
    is_mixed = prm.get("precision") == "bf16"
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=is_mixed):
        for inputs, targets in scored:
            metric.update(trained.net(inputs.to(device)), targets.to(device))
    return 1 - float(metric.compute())
