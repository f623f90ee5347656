"""Run the views on a database of their own, on a terminal of 80 columns."""

import pytest
from click.testing import CliRunner

from lemur_core.errors import LemurError


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def db(tmp_path):
    return tmp_path / "results.db"


@pytest.fixture
def run(request, db):
    """Run the view ``VIEW`` of a test's module; return its output, or its error of one line."""

    def call(*arguments):
        result = CliRunner().invoke(request.module.VIEW, [*map(str, arguments), "--db", str(db)])
        if result.exception and not isinstance(result.exception, SystemExit):
            assert isinstance(result.exception, LemurError), result.exception
            return str(result.exception)
        assert result.exit_code == 0, result.output
        return result.output

    return call
