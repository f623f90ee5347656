"""Fork worker processes from a process that has imported torch, which takes seconds once.

The template process is started with the first worker, serves every campaign of this process, and
ends with it. It holds no data and no plugin's code, so each worker starts as if it were spawned.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from lemur_core.garbage import collection_paused
from lemur_core.spawn import SpawnedProcess, spawn
from lemur_core.train.guardian import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.context import ForkProcess

# torch._dynamo is imported by the first step of an optimizer.
_MODULES = ("lemur_core.train.child", "torch._dynamo")
# What torch prints when it is imported, at most; a pipe takes it without a reader.
_PRINTED_BYTES = 2**14
_LENGTH = struct.Struct("!Q")
# Each request carries the worker's connection, the pipe for its output, and the one for its status.
_DESCRIPTORS = 3


class _Request(NamedTuple):
    main: Callable[[Connection[Any, Any], Any, Connection[Any, Any]], None]
    settings: Any
    environment: dict[str, str]
    folder: str
    path: list[str]


class ForkedProcess:
    """A process that the template forked, with the methods of multiprocessing's processes.

    The template reports its id once it is forked, and its exit status when it has ended.

    Args:
        status: Pipe from the template.
    """

    def __init__(self, status: Connection[Any, Any]) -> None:
        self._status: Connection[Any, Any] | None = status
        self._pid: int | None = None
        self.exitcode: int | None = None

    @property
    def sentinel(self) -> int:
        """A file descriptor that is ready when the process is forked, and when it has ended."""
        assert self._status is not None
        return self._status.fileno()

    @property
    def pid(self) -> int | None:
        """The process id; None if the process is not forked yet."""
        self._receive(0)
        return self._pid

    def is_alive(self) -> bool:
        """Return whether the process has not ended, though it may not be forked yet."""
        self._receive(0)
        return self._status is not None

    def join(self, timeout: float | None = None) -> None:
        """Wait until the process has ended; return at once if it is not forked yet."""
        if self.pid is not None:
            self._receive(timeout)

    def terminate(self) -> None:
        """Send SIGTERM to the process if it is alive."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process if it is alive."""
        self._send(signal.SIGKILL)

    def close(self) -> None:
        """Release the pipe. A process that is not forked yet ends when its connection closes."""
        if self._status is not None:
            self._status.close()
        self._status = None

    def _send(self, number: int) -> None:
        if self.pid is not None and self._status is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _receive(self, timeout: float | None) -> None:
        while self._status is not None and self._status.poll(timeout):
            try:
                value = self._status.recv()
            # The template has ended, and its workers with it.
            except (EOFError, ConnectionError):
                self.close()
                return
            if self._pid is None:
                self._pid = value
            else:
                self.exitcode = value
                self.close()


class Template:
    """The template process of this process; several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: SpawnedProcess | None = None
        self._control: socket.socket | None = None
        self._owner = 0

    def start(self) -> None:
        """Start the template process if it is not running, without waiting until it is ready."""
        with self._lock:
            self._running()

    def fork(self, main: Callable[..., None], settings: Any) -> SpawnedProcess:
        """Fork a process that runs a worker, once the template process is ready.

        Args:
            main: The function to call, which must be importable: with a connection to this
                process, the settings, and the pipe for its output.
            settings: Settings of the worker, which must be picklable.
        """
        ours, theirs = multiprocessing.Pipe()
        output, prints = multiprocessing.Pipe(duplex=False)
        status, reports = multiprocessing.Pipe(duplex=False)
        request = _Request(main, settings, dict(os.environ), os.getcwd(), list(sys.path))
        with self._lock:
            _send(self._running(), request, [theirs, prints, reports])
        for connection in (theirs, prints, reports):
            connection.close()
        return SpawnedProcess(ForkedProcess(status), ours, output)

    def close(self) -> None:
        """End the template process and its workers."""
        with self._lock:
            if self._control is not None and self._owner == os.getpid():
                self._control.close()
            self._control = None

    def _running(self) -> socket.socket:
        process, control = self._process, self._control
        # A fork of this process must not use its parent's.
        is_own = self._owner == os.getpid()
        if process is None or control is None or not is_own or not process.process.is_alive():
            control, theirs = socket.socketpair()
            with theirs:
                self._process = spawn(_serve, theirs)
            self._control, self._owner = control, os.getpid()
            # Before multiprocessing waits for its processes at exit.
            Finalize(None, self.close, exitpriority=1)
        return control


def _send(
    control: socket.socket, request: _Request, connections: Sequence[Connection[Any, Any]]
) -> None:
    message = pickle.dumps(request)
    descriptors = [connection.fileno() for connection in connections]
    # If the template has just ended, the worker is found to have ended too.
    with suppress(ConnectionError):
        socket.send_fds(control, [_LENGTH.pack(len(message))], descriptors)
        control.sendall(message)


def _serve(connection: Connection[Any, Any], control: socket.socket) -> NoReturn:
    """Fork workers until the campaign's process ends."""
    # Before importing torch, to keep the guardian process small.
    guard([connection, control])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    printed = _import_modules()
    workers: dict[int, tuple[ForkProcess, Connection[Any, Any]]] = {}
    with control, suppress(EOFError, ConnectionError):
        while True:
            ready = wait([control, *workers])
            for sentinel in set(workers).intersection(ready):
                _report_end(*workers.pop(sentinel))
            if control in ready:
                process, reports = _forked(control, printed, list(workers.values()))
                workers[process.sentinel] = process, reports
    # Its workers' guardians end with it.
    os._exit(0)


def _import_modules() -> bytes:
    """Import what workers need, and return what was printed meanwhile, for each worker to print."""
    with tempfile.TemporaryFile() as file, collection_paused():
        saved = [(stream, os.dup(stream)) for stream in (1, 2)]
        for stream, _ in saved:
            os.dup2(file.fileno(), stream)
        for module in _MODULES:
            import_module(module)
        for stream, copy in saved:
            os.dup2(copy, stream)
            os.close(copy)
        file.seek(0)
        return file.read(_PRINTED_BYTES)


def _forked(
    control: socket.socket,
    printed: bytes,
    others: Sequence[tuple[ForkProcess, Connection[Any, Any]]],
) -> tuple[ForkProcess, Connection[Any, Any]]:
    """Fork the worker that the next request asks for."""
    request, (connection, prints, reports) = _received(control)
    inherited = [control, reports, *(connection for _, connection in others)]
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(request, connection, prints, printed, inherited)
    )
    with warnings.catch_warnings():
        # Libraries may have threads that wait for work; none of lemur's threads holds a lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    for used in (connection, prints):
        used.close()
    # The campaign may have given up the worker.
    with suppress(ConnectionError):
        reports.send(process.pid)
    return process, reports


def _received(control: socket.socket) -> tuple[_Request, list[Connection[Any, Any]]]:
    header, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, _DESCRIPTORS)
    if not header:
        raise EOFError
    header += _read(control, _LENGTH.size - len(header))
    [length] = _LENGTH.unpack(header)
    connections = [Connection(descriptor) for descriptor in descriptors]
    return pickle.loads(_read(control, length)), connections  # noqa: S301 # of the parent process


def _read(control: socket.socket, length: int) -> bytes:
    chunks = bytearray()
    while len(chunks) < length:
        if not (chunk := control.recv(length - len(chunks))):
            raise EOFError
        chunks += chunk
    return bytes(chunks)


def _report_end(process: ForkProcess, reports: Connection[Any, Any]) -> None:
    process.join()
    with reports, suppress(ConnectionError):
        reports.send(process.exitcode)
    process.close()


def _run(
    request: _Request,
    connection: Connection[Any, Any],
    prints: Connection[Any, Any],
    printed: bytes,
    inherited: Sequence[Connection[Any, Any] | socket.socket],
) -> None:
    for handle in inherited:
        handle.close()
    os.environ.clear()
    os.environ.update(request.environment)
    # As if it were spawned there; the folder may have been removed.
    with suppress(OSError):
        os.chdir(request.folder)
    sys.path[:] = request.path
    os.write(prints.fileno(), printed)
    request.main(connection, request.settings, prints)


template = Template()
"""The template process of this process."""
