"""The repository's checks, each in an environment of its own: ``nox``, or ``nox -s lint``."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "core", "plugin", "all", "docs"]

PLUGINS = sorted(folder.name for folder in Path("plugins").iterdir() if folder.is_dir())
CONSTRAINTS = ("-c", "constraints.txt")
# The faster way to trace lines, for Python 3.12 and later.
TRACING = {"COVERAGE_CORE": "sysmon"} if sys.version_info >= (3, 12) else {}


def everything(*, editable: bool = True) -> list[str]:
    flag = ["-e"] if editable else []
    places = [".[dev]", *(f"./plugins/{name}[tests]" for name in PLUGINS)]
    return [part for place in places for part in (*flag, place)]


def dependencies(name: str) -> set[str]:
    project = tomllib.loads((Path("plugins") / name / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["tests"]]
    return {re.split(r"[^\w-]", requirement)[0] for requirement in needed} - {name}


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the import rules of the design."""
    session.install(*CONSTRAINTS, "ruff", "import-linter", *everything())
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types of lemur_core and the plugins."""
    session.install(*CONSTRAINTS, "mypy", *everything())
    session.run("mypy")


@nox.session
def core(session: nox.Session) -> None:
    """lemur-core alone: no plugin is installed."""
    session.install(*CONSTRAINTS, ".[pictures,testing]")
    session.run("pytest", "tests/core", *session.posargs)


@nox.session
@nox.parametrize("name", PLUGINS, ids=PLUGINS)
def plugin(session: nox.Session, name: str) -> None:
    """lemur-core, one plugin and those that it needs, so that an undeclared import fails."""
    needed = [f"./plugins/{other}" for other in PLUGINS if other in dependencies(name)]
    session.install(*CONSTRAINTS, ".[testing]", *needed, f"./plugins/{name}[tests]")
    session.run("pytest", f"plugins/{name}/tests", *session.posargs)


@nox.session(name="all")
def all_together(session: nox.Session) -> None:
    """Everything installed: how the parts work with each other."""
    session.install(*CONSTRAINTS, *everything())
    session.run("pytest", "tests/integration", "tests/packaging", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Which lines the tests run, their processes included, and the figure in the README.

    ``-- --check`` compares the figure instead of writing it; ``-- tests/core`` runs some tests.
    """
    session.install(*CONSTRAINTS, *everything())
    checks = session.posargs == ["--check"]
    some = [] if checks else session.posargs
    tests = some or ["-n", "2", "--dist", "loadfile"]
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-m", "not untraced", *tests, env=TRACING)
    session.run("coverage", "combine", "--quiet")
    # What is left could not be read: its process was killed while it wrote.
    for file in Path().glob(".coverage.*"):
        file.unlink()
    session.run("coverage", "html", "--skip-covered", "--quiet")
    session.run("coverage", "report", "--skip-covered")
    # What some of the tests run is no figure of the tests.
    if not some:
        session.run("python", "docs/write_coverage.py", *["--check"] * checks)


@nox.session
def soak(session: nox.Session) -> None:
    """A campaign that is killed and locked out for half an hour; shorter: ``-- --minutes 5``."""
    session.install(*CONSTRAINTS, *everything())
    session.run("python", "tests/integration/soak.py", *session.posargs)


@nox.session
def census(session: nox.Session) -> None:
    """Every net, trained for one epoch: the table in the classification plugin's README."""
    session.install(*CONSTRAINTS, *everything())
    readme = "--readme=plugins/lemur-vision-cls/README.md"
    session.run("python", "benchmarks/census.py", readme, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The README's commands and the documentation's Python blocks, executed."""
    session.install(*CONSTRAINTS, *everything())
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """Wheels and sdists, built, installed outside the tree, and used there."""
    root, outside = Path.cwd(), Path(session.create_tmp()).resolve()
    session.install(*CONSTRAINTS, "build")
    dist, fresh = outside / "dist", outside / "new"
    for folder in (dist, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    for place in (root, *(root / "plugins" / name for name in PLUGINS)):
        session.run("python", "-m", "build", "--outdir", str(dist), str(place))
    core, *plugins = sorted(map(str, dist.glob("*.whl")), key=lambda wheel: "_core-" not in wheel)
    session.install(*CONSTRAINTS, f"{core}[testing]", *(f"{wheel}[tests]" for wheel in plugins))
    session.chdir(outside)
    session.run("lemur", "run", "--trials", "1", "--epochs", "1", "--db", "wheels.db")
    session.run("lemur", "new", "plugin", "wheeled", "--folder", str(fresh))
    # Tests may import modules beside them.
    apart = ("-c", "/dev/null", "--rootdir", str(outside), "--import-mode=importlib")
    for name in PLUGINS:
        contract = root / "plugins" / name / "tests" / "test_contract.py"
        session.run("pytest", *apart, str(contract))
