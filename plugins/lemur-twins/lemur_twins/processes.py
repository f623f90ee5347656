"""Processes that use one framework each, for what compares several of them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from lemur_twins.frameworks import framework_named

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


def call(framework: str, function: Callable[..., _Result], *arguments: object) -> _Result:
    """Call a function in a process of a framework, which is started once.

    Args:
        framework: Name of the framework.
        function: A function of a module that the process can import. It uses the framework.
        *arguments: Its arguments, which are pickled.

    Returns:
        What the function returned.

    Raises:
        UnknownNameError: There is no such framework.
        MissingFrameworkError: It is not installed.
        BrokenExecutor: The process was ended.
        Exception: The function raised an exception.
    """
    framework_named(framework).check()
    return _process(framework).submit(function, *arguments).result()


@cache
def _process(framework: str) -> ProcessPoolExecutor:
    # Not forked: threads of other frameworks would be missing.
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    import torch

    torch.set_num_threads(1)
