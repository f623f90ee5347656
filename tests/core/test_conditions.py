"""Invalid conditions and databases give one line; numbers of any size are compared."""

import math

import pytest

from lemur_core import data
from lemur_core.errors import SettingsError, StoreError
from lemur_core.store.database import open_database, unchecked_engine


@pytest.mark.parametrize("condition", ["lr=1e400", "lr=nan", "lr=nan..1", "epoch=1e400"])
def test_a_number_that_is_not_finite_is_refused(lemur, condition):
    open_database("some.db").dispose()
    status, out, err = lemur("data", "--where", condition, "--db", "some.db")
    assert (status, out) == (2, "")
    name, value = condition.split("=")[0], "nan" if "nan" in condition else "inf"
    expected = f"rows cannot be filtered by {name}={value}: expected a finite number"
    assert err.splitlines()[-1] == f"lemur: error: {expected}"


def test_ranges_may_be_open_and_numbers_large(tmp_path):
    db = tmp_path / "some.db"
    open_database(db).dispose()
    for wanted in ((1, math.inf), (-math.inf, None), 10**30, [1, -(10**30)], (0, 10**30)):
        assert data(where={"epoch": wanted}, db=db).empty
    assert data(epoch=10**30, db=db).empty
    with pytest.raises(SettingsError, match="lr=inf: expected a finite number"):
        data(where={"lr": [0.1, math.inf]}, db=db)


@pytest.mark.parametrize("port", [0, -1, 65536, 99999])
def test_an_invalid_port_is_refused_at_once(port):
    with pytest.raises(StoreError) as caught:
        unchecked_engine(f"postgresql://me:secret@host:{port}/results")
    assert str(caught.value) == (
        f"database 'postgresql://me:***@host:{port}/results': port {port}: expected 1 to 65535"
    )
