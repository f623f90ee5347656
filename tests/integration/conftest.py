import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

WRITING = Path(__file__).with_name("writing.py")


@pytest.fixture
def crowd(tmp_path):
    """Start so many processes that write to a database at once, and see them end well."""

    @contextmanager
    def start(count, database, trials, epochs, pause_s=0):
        arguments = [database, trials, epochs, pause_s]
        command = [sys.executable, str(WRITING), *map(str, arguments)]
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with ExitStack() as stack:
            crowd = [
                stack.enter_context(subprocess.Popen(command, cwd=tmp_path, text=True, **pipe))
                for _ in range(count)
            ]
            for process in crowd:
                stack.callback(process.kill)
                assert process.stdout.readline() == "ready\n"
            for process in crowd:
                process.stdin.write("go\n")
                process.stdin.flush()
            yield crowd
            for process in crowd:
                _, errors = process.communicate(timeout=120)
                assert process.returncode == 0, errors

    return start


class Server:
    """A PostgreSQL server on this machine, for the tests alone."""

    def __init__(self, programs, folder, user):
        self.programs, self.folder, self.stopped = programs, folder, True
        self._as_user = {"user": user, "group": _group(user), "extra_groups": []} if user else {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        made = ("-U", "lemur", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._run("initdb", *made)

    def start(self):
        # No socket file: its path may not be long. A process that is killed needs no fsync.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += " -c unix_socket_directories= -c max_connections=200"
        self._run("pg_ctl", "-l", str(self.folder / "log"), "-o", options, "-w", "start")
        self.stopped = False

    def stop(self):
        """As a crash would: nothing is said to anyone, nothing is written out."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")
        self.stopped = True

    def url(self, database):
        return f"postgresql://lemur@127.0.0.1:{self.port}/{database}"

    def _run(self, program, *arguments):
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        with (self.folder / "output").open("ab") as output:
            subprocess.run(
                command, cwd=self.folder, stdout=output, stderr=output, check=True, **self._as_user
            )


def _group(user):
    import pwd

    return pwd.getpwnam(user).pw_gid


def _programs():
    program = shutil.which("initdb")
    places = [Path(program).parent] if program else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


def _user():
    """PostgreSQL refuses to run as root."""
    import pwd

    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="session")
def postgresql():
    """A running PostgreSQL server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is neither on PATH nor in /usr/lib/postgresql")
    folder, user = Path(tempfile.mkdtemp(prefix="lemur-postgresql-")), _user()
    if user:
        shutil.chown(folder, user)
    server = Server(programs, folder, user)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def server(postgresql):
    """The server; it runs again after the test."""
    yield postgresql
    if postgresql.stopped:
        postgresql.start()


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    import psycopg

    name = f"results_{os.urandom(4).hex()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.url(name)
