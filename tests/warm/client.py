"""Have the server of this folder run `lemur`; as a program, in place of `lemur`.

    python client.py ADDRESS ARGUMENT ...

Only the standard library is imported, so that this takes a fraction of a second.
"""

import json
import os
import select
import signal
import socket
import sys


class Command:
    """A running `lemur`, with the methods of `subprocess.Popen` that tests use.

    Args:
        address: Path of the server's socket.
        arguments: Arguments of the command line, without the program.
        folder: Working directory.
        streams: Descriptors of the standard streams.
    """

    def __init__(self, address, arguments, folder, streams):
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(address)
        request = {"arguments": arguments, "folder": folder, "environment": dict(os.environ)}
        socket.send_fds(self._server, [json.dumps(request).encode() + b"\n"], streams)
        self.pid, self.returncode = self._answer(), None

    def poll(self):
        """Return the exit status, negative for a signal; None while it is running."""
        if self.returncode is None and select.select([self._server], [], [], 0)[0]:
            return self.wait()
        return self.returncode

    def wait(self):
        """Wait for the end, and return the exit status, negative for a signal."""
        if self.returncode is None:
            self.returncode = self._answer()
            self._server.close()
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.wait()

    def _answer(self):
        line = b""
        while not line.endswith(b"\n"):
            received = self._server.recv(1)
            assert received, "the server has ended"
            line += received
        return int(line)


if __name__ == "__main__":
    command = Command(sys.argv[1], sys.argv[2:], os.getcwd(), (0, 1, 2))
    status = command.wait()
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)
