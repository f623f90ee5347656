"""The steps by which a net is tried, from cheap to dear, in the process that it can do no harm in.

Each is named as it begins, and says what it found when it is done: ``import`` the hyperparameters,
``build`` (on a device that holds no memory) the parameters and multiply-adds, ``forward`` on two
images the parameters again, ``batch`` nothing more, ``epochs`` a record of each.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from lemur_check.check_settings import CheckSettings
from lemur_core import Pipeline, Trial, installed
from lemur_core.kinds.net import NetModule, as_net
from lemur_core.kinds.task import task_of
from lemur_core.kinds.transform import as_transform
from lemur_core.labels import with_labels_checked
from lemur_core.training import (
    Bundles,
    batches,
    build_metrics,
    build_net,
    check_weights,
    finite_buffers,
    middle_prm,
    run_trial,
    seed_everything,
    train_epoch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

T = TypeVar("T")
Say = Callable[[Mapping[str, Any]], None]
_REASON_LENGTH, _TRACEBACK_LENGTH = 500, 8_000
# Weights, gradients and an optimizer's two numbers for each, in bytes.
_BYTES_A_PARAMETER = 16


@dataclass(frozen=True)
class CheckJob:
    """A net to try.

    Attributes:
        name: The net's.
        code: Its source.
        file: Where its source is written to.
        bundle: The data.
        asked: What was asked for.
        memory_bytes: How much it may take.
    """

    name: str
    code: str
    file: Path
    bundle: DataBundle
    asked: CheckSettings
    memory_bytes: int


def prepare(told: Mapping[str, Any], scratch: Path, bundles: Bundles) -> CheckJob:
    """Return a job, its data read.

    Raises:
        LemurError: There is no such data set, metric or transform, or no data.
    """
    asked = CheckSettings(**told["asked"])
    # Of no net: what is wrong with its name or its source is its own failure.
    bundle = bundles.get(asked.pipeline(installed(), "net", "net.py"))
    file = scratch / f"{told['name']}.py"
    return CheckJob(told["name"], told["code"], file, bundle, asked, told["memory_bytes"])


def run(job: CheckJob, say: Say) -> None:
    """Take each step until one fails; say which, why, and where in the source."""
    try:
        _run(job, say)
    # A net may raise anything, and end with it.
    except BaseException as error:
        say(_failure(error, str(job.file)))
    else:
        say({"done": True})


def _run(job: CheckJob, say: Say) -> None:
    asked = job.asked
    job.file.write_text(job.code, encoding="utf-8")
    pipeline = asked.pipeline(installed(), job.name, str(job.file))
    bundle = with_labels_checked(job.bundle, task_of(pipeline.task_entry), pipeline.dataset)
    say({"step": "import"})
    seed_everything(asked.seed)
    module = as_net(pipeline.net_entry.load(), pipeline.net)
    prm = _prm(module, pipeline, asked)
    say({"step": "build", "prm": prm})
    trial = Trial(pipeline, 1, prm, asked.seed, asked.epochs)
    transform = as_transform(trial.transform_entry.load(), bundle.scale, prm["transform"])
    device = torch.device(trial.device)
    given = batches(
        bundle.train, transform, prm["batch"], device, training=False, collate=bundle.collate
    )
    batch = next(iter(given))
    measured = _measured(module, batch[0][:1], bundle.out_shape, prm)
    _check_fits(measured.get("parameters", 0), job.memory_bytes)
    say({"step": "forward", **measured})
    metrics = build_metrics(pipeline, bundle.out_shape, device)
    net, size = build_net(trial, bundle, transform, metrics, device)
    say({"step": "batch", "parameters": size.parameters})
    net.train_setup(prm)
    buffers = finite_buffers(net)
    train_epoch(net, [batch])
    check_weights(net, buffers)
    del net
    if asked.epochs:
        say({"step": "epochs"})
        for epoch in run_trial(trial, bundle):
            say({"epoch": vars(replace(epoch, scores={}))})


def _prm(module: NetModule, pipeline: Pipeline, asked: CheckSettings) -> dict[str, Any]:
    transform = next(iter(pipeline.transforms))
    return middle_prm(module) | {"transform": transform} | dict(asked.prm)


def _measured(
    module: NetModule, image: torch.Tensor, out_shape: tuple[int, ...], prm: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters and multiply-adds of a net, built where it takes no memory."""
    device = torch.device("meta")
    try:
        with device:
            net = module.net(tuple(image.shape), out_shape, dict(prm), device).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(image.to(device))
    # Some nets look at values as they are built. These are there once it is built in earnest.
    except Exception:
        return {}
    return {"parameters": _parameters(net), "multiply_adds": counter.get_total_flops() // 2}


def _check_fits(parameters: int, memory_bytes: int) -> None:
    needed = parameters * _BYTES_A_PARAMETER
    if needed > memory_bytes:
        raise MemoryError(
            f"its {parameters:,} parameters take {needed / 2**30:.1f} GiB to train; "
            f"the limit is {memory_bytes / 2**30:.1f} GiB"
        )


def _parameters(net: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _failure(error: BaseException, file: str) -> dict[str, Any]:
    nowhere: Sequence[int | None] = ()
    # A metaclass may have another name for its classes.
    kind = type.__dict__["__name__"].__get__(type(error))
    text = _unless_it_raises(lambda: str(error), "(its text cannot be shown)")
    lines = _unless_it_raises(lambda: _lines(error, file), nowhere)
    shown = _unless_it_raises(lambda: "".join(traceback.format_exception(error)), "")
    return {
        "failed": f"{kind}: {text}".partition("\n")[0][:_REASON_LENGTH],
        "line": lines[-1] if lines else None,
        "traceback": shown[-_TRACEBACK_LENGTH:],
    }


def _lines(error: BaseException, file: str) -> Sequence[int | None]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == file]


def _unless_it_raises(make: Callable[[], T], otherwise: T) -> T:
    try:
        return make()
    # Even an exception's own text is a stranger's code.
    except BaseException:
        return otherwise
