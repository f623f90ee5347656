"""The server of warm commands, as tests use it."""

import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .client import Command

HERE = Path(__file__).parent


class Warm:
    """Runs `lemur` as a new process that need not import torch, pandas and the like.

    That takes a tenth of the time. What is tested of start-up, isolation or hashing needs a new
    interpreter instead. On systems where lemur does not fork, there is always a new one.

    Args:
        folder: Folder of the server's files, with a short path.
    """

    def __init__(self, folder):
        self.folder, self._server = folder, None

    def start(self, folder, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        """Start `lemur` in a folder, with files or descriptors as streams, like `Popen`."""
        arguments = [*map(str, arguments)]
        if sys.platform != "linux":
            command = [sys.executable, "-m", "lemur_core", *arguments]
            return subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr)
        with open(os.devnull, "r+b") as null:
            files = [
                null,
                *(null if file == subprocess.DEVNULL else file for file in (stdout, stderr)),
            ]
            streams = [file if isinstance(file, int) else file.fileno() for file in files]
            return Command(self.address, arguments, str(folder), streams)

    def run(self, folder, *arguments):
        """Run `lemur` in a folder, like `subprocess.run`; return its status, output and errors."""
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            command = self.start(folder, *arguments, stdout=output, stderr=errors)
            status = command.wait()
            texts = [file.seek(0) or file.read() for file in (output, errors)]
        return subprocess.CompletedProcess(["lemur", *arguments], status, *texts)

    @property
    def address(self):
        """Path of the server's socket; it is started by the first command."""
        if self._server is None:
            path = str(self.folder / "socket")
            program = [sys.executable, "-P", str(HERE / "server.py"), path]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._server = subprocess.Popen(program, cwd=self.folder, text=True, **pipes)
            assert self._server.stdout.readline() == "ready\n"
        return str(self.folder / "socket")

    def program(self):
        """Return a folder with an executable `lemur`; None on systems without a server."""
        if sys.platform != "linux":
            return None
        script = self.folder / "bin" / "lemur"
        if not script.exists():
            script.parent.mkdir()
            command = shlex.join([sys.executable, "-IS", str(HERE / "client.py"), self.address])
            script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            script.chmod(0o755)
        return script.parent

    def close(self):
        if self._server is not None:
            with self._server:
                self._server.stdin.close()


@contextmanager
def warm_commands():
    """Start warm commands, and end what is left of them."""
    # The path of a socket may have 107 bytes, and those of pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="lemur-") as folder:
        warm = Warm(Path(folder))
        try:
            yield warm
        finally:
            warm.close()
