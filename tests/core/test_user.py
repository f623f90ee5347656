"""The user that a trial records, and the seed that is drawn."""

import getpass

import pytest

from lemur_core import Settings, data, recording
from lemur_core.errors import SettingsError
from lemur_core.settings import DrawnSeed
from lemur_core.user import recorded_user


@pytest.fixture(autouse=True)
def login(monkeypatch):
    monkeypatch.delenv("LEMUR_USER", raising=False)
    monkeypatch.setattr(getpass, "getuser", lambda: "me")


@pytest.mark.parametrize(
    ("given", "variable", "user"),
    [
        (None, None, "me"), ("ann", None, "ann"), ("", None, None), (None, "bob", "bob"),
        (None, "", None), ("ann", "bob", "ann"), ("", "bob", None),
        ("Zo\u00eb \u4f60", None, "Zo\u00eb \u4f60"),
    ],
)  # fmt: skip
def test_the_user_is_the_login_unless_another_or_none_is_given(monkeypatch, given, variable, user):
    if variable is not None:
        monkeypatch.setenv("LEMUR_USER", variable)
    assert recorded_user(given) == user


def test_a_user_without_a_login_is_not_recorded(monkeypatch):
    def fail():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert recorded_user(None) is None


@pytest.mark.parametrize("name", ["a\nb", " ann", "x" * 201])
def test_a_bad_name_of_a_user_is_refused(monkeypatch, name):
    monkeypatch.setenv("LEMUR_USER", name)
    for arguments in ({}, {"user": name}):
        with pytest.raises(SettingsError, match="user name"):
            Settings(**arguments)


def test_a_recorded_training_has_a_user(tmp_path):
    for number, user in enumerate((None, "ann", "")):
        with recording("t_d_m_Net", {"lr": number}, user=user, db=tmp_path / "a.db") as trial:
            trial.epoch(validation=0.5, accuracy=0.5)
    users = data(db=tmp_path / "a.db", columns=["user"])["user"]
    assert users[:2].tolist() == ["me", "ann"]
    assert users.isna().tolist() == [False, False, True]
    assert len(data(db=tmp_path / "a.db", where={"user": "ann"})) == 1


def test_a_random_seed_is_drawn_once():
    settings = Settings.of({"seed": "random"})
    assert isinstance(settings.seed, DrawnSeed)
    assert settings.seed == settings.seed
    seeds = {Settings.of({"seed": "random"}).seed for _ in range(3)}
    assert len(seeds) == 3
    with pytest.raises(SettingsError, match="seed is 'lucky'; expected an integer, or random"):
        Settings.of({"seed": "lucky"})
