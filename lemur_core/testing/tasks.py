"""The rules of tasks, and the tasks that the rules of other kinds use."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from lemur_core.entry import Entry
from lemur_core.kinds.task import Task, as_task
from lemur_core.registry import installed

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNT, _CHANNELS, _SIZE = 4, 3, 32


class RegisteredTasks:
    """Provides the tasks that the tested plugin and the installed plugins register."""

    entries: Mapping[str, list[Entry]] = {}

    def tasks_of(self, entry: Entry) -> dict[str, Task]:
        """Return the registered tasks that an entry serves, by name."""
        tasks = {task.name: task for _, task in installed().entries("task")}
        tasks |= {task.name: task for task in self.entries.get("task", ())}
        return {
            name: as_task(task.load(), name) for name, task in tasks.items() if entry.serves(name)
        }


class TaskRules:
    """The methods of a task are consistent with each other."""

    def test_task_is_one(self, task: Entry) -> None:
        """Its target is a class derived from `lemur_core.kinds.task.Task`."""
        as_task(task.load(), task.name)

    def test_task_finds_no_fault_in_its_own_batch(self, task: Entry) -> None:
        """The targets with which nets are tested have no wrong label."""
        made = as_task(task.load(), task.name)
        try:
            _, targets, out_shape = made.batch(_COUNT, _CHANNELS, _SIZE, torch.float32)
        except NotImplementedError:
            pytest.skip(f"task {task.name!r} has no batch")
        wrong = [made.wrong_label(target, out_shape[0]) for target in targets]
        assert not any(wrong), f"task {task.name!r}: its own target {next(filter(None, wrong))}"
        if isinstance(targets, Tensor):
            assert not made.has_wrong_labels(targets, out_shape[0]), (
                f"task {task.name!r}: has_wrong_labels() is true of targets without wrong labels"
            )

    def test_task_with_columns_has_rows(self, task: Entry) -> None:
        """A task that names the columns of its predictions returns their rows."""
        made = as_task(task.load(), task.name)
        assert not made.columns or type(made).rows is not Task.rows, (
            f"task {task.name!r}: has columns, but no method rows()"
        )

    def test_task_drawer_can_be_called(self, task: Entry) -> None:
        """The drawer takes an example and a style."""
        drawer = as_task(task.load(), task.name).drawer
        if not drawer or find_spec("PIL") is None:
            pytest.skip(f"task {task.name!r} draws nothing, or Pillow is not installed")
        signature = inspect.signature(Entry(task.name, drawer).load())
        signature.bind("example", "style")
