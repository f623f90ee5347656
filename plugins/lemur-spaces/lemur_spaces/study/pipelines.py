"""The pipelines and datasets of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lemur_core import Pattern, compose, installed
from lemur_spaces.complexity import Images

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core import Pipeline
    from lemur_spaces.study.spec import Condition

TASK = "img-classification"


class DatasetSize(NamedTuple):
    """The size of a dataset.

    Attributes:
        images: Its images, at the size of a condition.
        trained: Number of training samples.
        scored: Number of validation and test samples.
    """

    images: Images
    trained: int
    scored: int


def pipeline_of(condition: Condition, net: str) -> Pipeline:
    """Return the pipeline of a condition.

    Raises:
        UnknownNameError: The dataset or transform is not installed.
        MisfitError: The dataset is for another task, or the transform does not fit it.
        PatternError: The restriction of the dataset cannot be read.
    """
    pattern = Pattern.parse(f"{TASK}_{condition.dataset}_{condition.metrics[0]}_{net}")
    [pipeline] = compose(installed(), [pattern], [condition.transform])
    return pipeline


def samples_of(condition: Condition, pipeline: Pipeline, data: Path) -> DatasetSize:
    """Load the dataset of a condition and return its size.

    Args:
        condition: The condition.
        pipeline: Its pipeline.
        data: Folder of the datasets.

    Raises:
        MissingDataError: The dataset is not in the folder.
        MisfitError: The metric cannot score the dataset.
    """
    import torch

    from lemur_core.training import Bundles, build_metrics

    bundle = Bundles(data).get(pipeline)
    for metric in condition.metrics:
        entry = installed().get("metric", metric)
        build_metrics(replace(pipeline, metric_entry=entry), bundle.out_shape, torch.device("cpu"))
    scored = len(bundle.test) + (len(bundle.validation) if bundle.validation is not None else 0)
    image = bundle.train[0][0]
    images = Images(condition.px, image.shape[0], bundle.out_shape[0])
    return DatasetSize(images, len(bundle.train), scored)
