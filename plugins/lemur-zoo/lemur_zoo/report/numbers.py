"""The numbers of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_core.errors import LemurError
from lemur_zoo.analysis import diversity
from lemur_zoo.analysis.diversity import Spread, over_pairs
from lemur_zoo.analysis.outputs import outputs_of
from lemur_zoo.analysis.prediction import Predicted, Sample, default_epochs, predict
from lemur_zoo.images import load_images
from lemur_zoo.storage.header import SPLITS, ZooError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray

    from lemur_zoo.zoo import Zoo

_FEWEST = 2


class DiversityMeasure(NamedTuple):
    """How much members differ, by one measure.

    Attributes:
        name: The measure.
        percent: Mean and standard deviation over pairs, in percent.
    """

    name: str
    percent: Spread


class ZooReport(NamedTuple):
    """The numbers of a report.

    Attributes:
        accuracies: Mean and standard deviation over the members that are kept, by split of images,
            at that epoch; NaN where nothing was measured.
        differences: How much members differ, over all pairs of those that are kept.
        weights: Mean and standard deviation of all weights.
        epoch: Number of the epoch at which members are compared.
        kept: Numbers of the members that are kept: finite weights up to the threshold.
        threshold: The threshold.
        predicted: How well properties are predicted from weights; empty if there are too few
            members.
        sample: What properties are predicted from; None if they are not.
        notes: A line for each thing that is left out.
    """

    accuracies: dict[str, Spread]
    differences: Sequence[DiversityMeasure]
    weights: Spread
    epoch: int
    kept: Sequence[int]
    threshold: float
    predicted: Sequence[Predicted]
    sample: Sample | None
    notes: Sequence[str]


def report_on(
    zoo: Zoo, data: Path, threshold: float, show: Callable[[str], None] = lambda _: None
) -> ZooReport:
    """Compute the numbers of a report.

    Args:
        zoo: The zoo.
        data: Folder of the datasets.
        threshold: Members with a weight beyond it are left out.
        show: Called with a line on what is being computed.

    Raises:
        ZooError: The zoo has no epoch, or fewer than two members are kept.
    """
    epoch = zoo.compared_epoch
    if epoch < zoo.header.first_epoch:
        raise ZooError(f"zoo {zoo.name!r}: not all members have a whole epoch; train them first")
    members = zoo.with_epoch(epoch)
    is_kept = diversity.is_kept(zoo.at(epoch, members.tolist()), threshold)
    kept = members[is_kept & ~zoo.diverged[members]]
    if len(kept) < _FEWEST:
        raise ZooError(
            f"zoo {zoo.name!r}: {len(kept)} of {len(zoo)} members have finite weights of at most "
            f"{threshold:g}; expected {_FEWEST} or more, so set --threshold to more"
        )
    notes: list[str] = []
    weights = zoo.at(epoch, kept.tolist())
    differences = _of_weights(weights)
    try:
        differences += _of_outputs(zoo, kept.tolist(), epoch, data, show, notes)
    except LemurError as error:
        notes.append(f"agreement and CKA: not computed ({error})")
    predicted, sample = _predicted(zoo, threshold, notes, show)
    exact = weights.astype(np.float64)
    scores = zoo.scores[kept, epoch, :, 1]
    return ZooReport(
        {name: _spread(scores[:, place]) for place, name in enumerate(SPLITS)},
        differences,
        Spread(float(exact.mean()), float(exact.std())),
        epoch,
        kept.tolist(),
        threshold,
        predicted,
        sample,
        notes,
    )


def _of_weights(weights: NDArray[float32]) -> list[DiversityMeasure]:
    return [
        DiversityMeasure("l2 distance", _percent(diversity.l2_distances(weights))),
        DiversityMeasure("cosine distance", _percent(diversity.cosine_distances(weights))),
    ]


def _of_outputs(
    zoo: Zoo,
    members: Sequence[int],
    epoch: int,
    data: Path,
    show: Callable[[str], None],
    notes: list[str],
) -> list[DiversityMeasure]:
    if zoo.header.provenance:
        raise ZooError("the images of an imported zoo are not known")
    images = load_images(zoo.spec, data)
    if images.fingerprint != zoo.header.fingerprint:
        raise ZooError(f"the images in {data} are not those that the members were trained on")
    outputs = outputs_of(zoo, members, images.test.inputs, epoch, show)
    differences = [DiversityMeasure("agreement", _percent(diversity.agreement(outputs.classes)))]
    for name, representations in (
        ("CKA, intermediate layer", outputs.intermediate),
        ("CKA, last layer", outputs.last),
    ):
        alignment = diversity.cka(representations)
        constant = int(np.isnan(np.diagonal(alignment)).sum())
        if constant:
            notes.append(f"{name}: without {constant:,} members that represent all images alike")
        differences.append(DiversityMeasure(name, _percent(alignment)))
    return differences


def _predicted(
    zoo: Zoo, threshold: float, notes: list[str], show: Callable[[str], None]
) -> tuple[Sequence[Predicted], Sample | None]:
    if zoo.compared_epoch < 1:
        notes.append("property prediction: not computed (no epoch is trained)")
        return (), None
    try:
        return predict(zoo, default_epochs(zoo.compared_epoch), show, threshold=threshold)
    except ZooError as error:
        notes.append(f"property prediction: not computed ({error})")
        return (), None


def _percent(matrix: NDArray[np.float64]) -> Spread:
    spread = over_pairs(matrix)
    return Spread(100 * spread.mean, 100 * spread.std)


def _spread(values: NDArray[np.float64]) -> Spread:
    return Spread(float(values.mean()), float(values.std()))
