"""Run `lemur` in forks of this process, which has imported the libraries that take seconds.

    python server.py ADDRESS

It ends, and kills what it runs, when its standard input is closed. No module of lemur or of a
plugin is imported before a fork, so each command imports and runs them as a new interpreter would.
"""

import gc
import json
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import warnings
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait

# The first step of an optimizer imports torch._dynamo.
LIBRARIES = (
    "torch._dynamo", "torchvision", "alembic.command", "click", "matplotlib.pyplot", "optuna",
    "pandas", "PIL.Image", "pluggy", "psutil", "rich.console", "safetensors.torch",
    "sqlalchemy.dialects.sqlite",
)  # fmt: skip
FORK = multiprocessing.get_context("fork")
STDIN = 0


def serve(address):
    """Fork for each request until the standard input is closed."""
    running = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        while STDIN not in (ready := wait([STDIN, listener, *running])):
            for ended in running.keys() & set(ready):
                report_end(*running.pop(ended))
            if listener in ready and (accepted := received(listener)):
                client, request, streams = accepted
                others = [listener, client, *(other for _, other in running.values())]
                process = started(FORK.Process(target=run, args=(request, streams, others)))
                for stream in streams:
                    os.close(stream)
                with suppress(ConnectionError):
                    client.sendall(b"%d\n" % process.pid)
                running[process.sentinel] = process, client
    for process, _ in running.values():
        process.kill()


def received(listener):
    """Return the next client's connection, its request, and its three standard streams.

    None if it ended before it had sent its request.
    """
    client, _ = listener.accept()
    text, streams, _, _ = socket.recv_fds(client, 2**16, 3)
    while not text.endswith(b"\n"):
        if not (more := client.recv(2**16)):
            for descriptor in (client.detach(), *streams):
                os.close(descriptor)
            return None
        text += more
    return client, json.loads(text), streams


def report_end(process, client):
    process.join()
    # The client may have ended too.
    with client, suppress(ConnectionError):
        client.sendall(b"%d\n" % process.exitcode)


def started(process):
    with warnings.catch_warnings():
        # Libraries may have threads that wait for work.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    return process


def run(request, streams, others):
    """Run the command line, in a fork."""
    for connection in others:
        connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["lemur", *request["arguments"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A library may have asked for it in another environment.
    tempfile.tempdir = None
    # Otherwise all forks would draw the same numbers.
    sys.modules["numpy"].random.seed()
    from lemur_core.cli import main
    from lemur_core.train import template

    template.spawn = forked
    main()


def forked(target, *connections):
    """Start a process like `lemur_core.spawn.spawn`, but with the libraries of this one."""
    from lemur_core.spawn import SpawnedProcess

    ours, theirs = FORK.Pipe()
    process = started(FORK.Process(target=alone, args=(target, theirs, *connections)))
    theirs.close()
    return SpawnedProcess(process, ours)


def alone(target, *connections):
    """Call a function with connections; close what a process that was spawned would not inherit."""
    parent = multiprocessing.parent_process().sentinel
    kept = {0, 1, 2, parent, *(connection.fileno() for connection in connections)}
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            # The listing's own is closed already.
            with suppress(OSError):
                os.close(descriptor)
    target(*connections)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    for library in LIBRARIES:
        import_module(library)
    # A collection in a fork would otherwise copy the memory of all that is imported.
    gc.freeze()
    gc.enable()
    serve(sys.argv[1])
    # Libraries would report what they cannot free.
    os._exit(0)


if __name__ == "__main__":
    main()
