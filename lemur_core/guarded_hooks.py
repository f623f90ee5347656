"""Call hooks of plugins so that one that raises is reported once and not called again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pluggy

from lemur_core import hookspecs

if TYPE_CHECKING:
    from lemur_core.registry import Registry

_Steps = Generator[Any, Any, Any]


def guarded_hooks(
    registry: Registry, names: Iterable[str], warn: Callable[[str], None]
) -> pluggy.PluginManager:
    """Return a plugin manager that calls guarded implementations of some hooks.

    The implementations are called in pluggy's order and with its wrappers.

    Args:
        registry: The installed plugins.
        names: Names of the hooks.
        warn: Called with one line of text when an implementation raises.
    """
    manager = pluggy.PluginManager(hookspecs.hookspec.project_name)
    manager.add_hookspecs(hookspecs)
    for hook in names:
        # get_hookimpls() has pluggy's order, which registering one by one preserves.
        for implementation in getattr(registry.manager.hook, hook).get_hookimpls():
            guarded = _Guard(implementation, hook, warn).implementation()
            manager.register(SimpleNamespace(**{hook: guarded}))
    return manager


class _Guard:
    """Calls an implementation of a hook until it raises, and reports the exception."""

    def __init__(self, guarded: pluggy.HookImpl, hook: str, warn: Callable[[str], None]) -> None:
        self._guarded, self._hook, self._warn = guarded, hook, warn
        self._silenced = False

    def implementation(self) -> Callable[..., Any]:
        """Return an implementation of the same type and arguments that never raises."""
        is_wrapper, is_old_wrapper = self._guarded.wrapper, self._guarded.hookwrapper

        # pluggy reads the argument names from the wrapped function.
        @wraps(self._guarded.function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(*args, **kwargs)

        @wraps(self._guarded.function)
        def call_around(*args: Any, **kwargs: Any) -> _Steps:
            return (yield from self._around(*args, **kwargs))

        mark = hookspecs.hookimpl(wrapper=is_wrapper, hookwrapper=is_old_wrapper)
        return mark(call_around if is_wrapper or is_old_wrapper else call)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        if self._silenced:
            return None
        try:
            return self._guarded.function(*args, **kwargs)
        # A third-party tracker must not stop the training that it watches.
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
            return None

    def _around(self, *args: Any, **kwargs: Any) -> _Steps:
        steps = self._call(*args, **kwargs)
        is_started = steps is not None and self._start(steps)
        try:
            result = yield
        except BaseException:
            # An interruption; closing runs the wrapper's ``finally``.
            if is_started:
                steps.close()
            raise
        return self._end(steps, result) if is_started else result

    def _start(self, steps: _Steps) -> bool:
        try:
            next(steps)
        except StopIteration:
            self._silence("is a wrapper and did not yield")
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
        else:
            return True
        return False

    def _end(self, steps: _Steps, result: Any) -> Any:
        try:
            steps.send(result)
        except StopIteration as ended:
            return ended.value
        except (Exception, SystemExit) as error:
            self._silence(f"raised {type(error).__name__}: {error}")
        else:
            steps.close()
            self._silence("is a wrapper and yielded twice")
        return result

    def _silence(self, fault: str) -> None:
        self._silenced = True
        self._warn(f"plugin {self._guarded.plugin_name!r}: {self._hook} {fault}")
