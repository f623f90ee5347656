from pathlib import Path

import click
import pytest

from lemur_core.cli.aliases import resolve_aliases
from lemur_core.cli.flags import settings_of
from lemur_core.errors import SettingsError, SpaceError
from lemur_core.settings import Settings

NO_ALIASES = dict.fromkeys(
    f"{end}_{name}"
    for end in ("min", "max")
    for name in ("learning_rate", "momentum", "dropout", "batch_binary_power")
) | {"config": (), "patterns": (), "lr": None, "batch": None, "momentum": None, "dropout": None}


def of_flags(**flags):
    return settings_of(flags, set(flags))


def test_flags_become_settings():
    settings = of_flags(
        patterns=("img-classification",), trials=-2, transform=("a,b", "c"), lr="1e-4..1e-1",
        set_=("layers=2..4", "act=relu,gelu"), prm='{"momentum": 0, "lr": 1}',
    )  # fmt: skip
    assert settings.trials == -2
    assert settings.transform == ("a", "b", "c")
    assert settings.prm == {
        "momentum": 0, "lr": "1e-4..1e-1", "layers": "2..4", "act": "relu,gelu",
    }  # fmt: skip


def test_flags_override_a_toml_file(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        'patterns = ["img-classification"]\nepochs = 7\nlr = "1e-3..1"\nnet = "ResNet"\n'
        'db = "there.db"\n[prm]\nlayers = "1..3 int"\nbatch = [24, 48]\n'
    )
    flags = {"patterns": (str(file),), "lr": "0.5", "trials": 9, "db": "lemur.db"}
    settings = settings_of(flags, {"patterns", "lr", "trials"})
    assert settings.patterns == ("img-classification",)
    assert (settings.epochs, settings.trials, settings.net) == (7, 9, ("ResNet",))
    assert settings.prm == {"lr": "0.5", "layers": "1..3 int", "batch": [24, 48]}
    assert settings.db == "there.db"
    assert settings_of(flags, {"db"}).db == "lemur.db"


def test_lemurs_long_option_names_set_the_ends_of_ranges():
    given = NO_ALIASES | {"min_learning_rate": 1e-4, "max_batch_binary_power": 6, "config": ("a",)}
    taken = resolve_aliases(given)
    assert (taken["lr"], taken["batch"], taken["patterns"]) == ("0.0001..1.0", "2^0..2^6", ("a",))
    assert taken["momentum"] is None


def test_a_flag_and_its_long_name_exclude_each_other():
    with pytest.raises(click.UsageError, match="exclude each other"):
        resolve_aliases(NO_ALIASES | {"min_momentum": 0.1, "momentum": "0.9"})


def test_a_transform_among_the_hyperparameters_is_the_transform():
    assert Settings.of({"prm": {"transform": "norm_32"}}).transform == ("norm_32",)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"set_": ("layers",)}, "--set 'layers': expected NAME=RANGE, as in --set layers=2..4"),
        ({"prm": "[1]"}, "--prm '[1]': expected an object, as in '{\"lr\": 0.01}'"),
        ({"trials": 0}, "trials is 0; expected a number, or a negative one for that many more"),
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"threads": -1}, "threads is -1; expected 1 or more"),
        ({"patterns": ("a.toml", "b.toml")}, "a.toml, b.toml: expected one settings file"),
        (
            {"patterns": ("nowhere.toml",)},
            "settings file 'nowhere.toml': No such file or directory",
        ),
    ],
)
def test_invalid_setting_is_reported(flags, message):
    with pytest.raises(SettingsError) as caught:
        of_flags(**flags)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sampeler = 3", "unknown setting 'sampeler'. Did you mean 'sampler'?"),
        ('trials = "3"', "trials is '3'; expected an integer"),
        ("prm = 3", "prm is 3; expected names and values"),
        ("net = 3", "net is 3; expected a string or a list of strings"),
    ],
)
def test_invalid_settings_file_is_reported(tmp_path, text, message):
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        of_flags(patterns=(str(file),))
    assert str(caught.value) == message


def test_invalid_toml_is_reported_with_its_position(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text("trials 3")
    with pytest.raises(SettingsError, match=r"is not TOML: .*line 1"):
        of_flags(patterns=(str(file),))


def test_a_range_is_checked_before_anything_is_loaded():
    with pytest.raises(SpaceError, match="^lr=3..1: runs backwards"):
        of_flags(lr="3..1")


def test_the_data_folder_is_a_path():
    assert Settings.of({"data": "somewhere"}).data == Path("somewhere")
