"""``lemur spaces sample`` draws the designs of a band, and says what became of the draws."""

import csv
import json
from io import StringIO

import pytest
from click.testing import CliRunner

from lemur_core.errors import SettingsError, UnknownNameError
from lemur_spaces.band import Band, parse_band
from lemur_spaces.cli.group import spaces

SMALL = ("--count", "8", "--band", "2e6..3e6", "--px", "32", "--classes", "10")


def run(*arguments, expected=0):
    result = CliRunner().invoke(spaces, ["sample", *arguments], catch_exceptions=False)
    assert result.exit_code == expected, result.output
    return result


def sampled(*arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


@pytest.mark.parametrize("space", ["AnyNetX", "RegNetX", "RegNetY", "CNN-10"])
def test_designs_lie_in_the_band(space):
    limits = ("--band", "1e6..9e6", "--px", "32", "--classes", "10")
    rows = sampled(space, "--count", "5", *limits)
    assert len({row["name"] for row in rows}) == 5
    assert all(1e6 <= row["macs"] <= 9e6 for row in rows)


def test_same_seed_gives_the_same_designs():
    first = sampled("AnyNetX", *SMALL)
    assert sampled("AnyNetX", *SMALL) == first
    other = sampled("AnyNetX", *SMALL, "--seed", "1")
    assert not {row["name"] for row in first} & {row["name"] for row in other}


def test_smaller_population_is_the_start_of_a_larger_one():
    assert sampled("AnyNetX", *SMALL, "--count", "3") == sampled("AnyNetX", *SMALL)[:3]


def test_several_bands_limit_together():
    rows = sampled("AnyNetX", *SMALL, "--parameters", "..60e3", "--activations", "40e3..")
    assert all(row["parameters"] <= 60_000 for row in rows)
    assert all(row["activations"] >= 40_000 for row in rows)


def test_what_became_of_the_draws_is_said_on_standard_error():
    line = run("AnyNetX", *SMALL).stderr
    assert line.startswith("8 designs of AnyNetX from ")
    assert " adjusted (" in line
    assert " outside the band (" in line
    line = run("AnyNetX", *SMALL, "--invalid", "reject").stderr
    assert " invalid (" in line
    assert " adjusted (" not in line


def test_one_design_is_singular():
    line = run("CNN-10", "--count", "1").stderr
    assert line.startswith("1 design of CNN-10 from 1 draw")
    assert not line.startswith("1 design of CNN-10 from 1 draws")
    with pytest.raises(SettingsError, match="0 of 1 design at 1 px in 1 draw: "):
        run("CNN-10", "--count", "1", "--px", "1", "--draws", "1")


def test_shared_hyperparameters_are_in_all_designs():
    rows = sampled("AnyNetX", *SMALL, "--set", "stem=cifar")
    assert {row["stem"] for row in rows} == {"cifar"}


def test_formats_have_the_same_designs(tmp_path):
    rows = sampled("AnyNetX", *SMALL)
    lines = run("AnyNetX", *SMALL, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = list(csv.DictReader(StringIO(run("AnyNetX", *SMALL, "--format", "csv").stdout)))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == table
    file = tmp_path / "nets.json"
    run("AnyNetX", *SMALL, "--output", str(file))
    assert json.loads(file.read_text()) == rows
    printed = run("AnyNetX", *SMALL).stdout
    assert all(row["name"] in printed for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("AnyNetX", "--band", "3e6..2e6"),
            "--band=3e6..2e6: the band is empty; expected the smaller number first",
        ),
        (
            ("AnyNetX", "--band", "3M"),
            "--band is '3M'; expected a band LOW..HIGH, as in 360e6..400e6",
        ),
        (
            ("AnyNetX", "--set", "stem=deep"),
            "stem=deep: expected simple or imagenet or cifar",
        ),
        (
            ("CNN-10", "--set", "stem=cifar"),
            "space 'CNN-10' does not share 'stem'; it shares none",
        ),
        *(
            (("AnyNetX", "--set", f"{name}={value}"), f"{name}={value}: expected {expected}")
            for name, value, expected in (
                ("stem_width", "32.0", "1 to 4096"),
                ("stem_width", "0", "1 to 4096"),
                ("stride_1", "1.0", "1 or 2"),
                ("se", "0", "0.0 or 0.25"),
            )
        ),
        *(
            (
                ("AnyNetX", "--band", band),
                f"--band is {band!r}; expected smaller numbers, or no end for no limit",
            )
            for band in ("1e400..", "1..1e400", "1e400..2e400")
        ),
        (("AnyNetX", "--set", "stem"), "--set 'stem': expected NAME=VALUE, as in stem=cifar"),
        (
            ("AnyNetX", "--output", "nets.txt"),
            "--output 'nets.txt': expected a name that ends in .csv, .json or .jsonl, or --format",
        ),
    ],
)
def test_wrong_input_is_one_line(arguments, message):
    with pytest.raises(SettingsError) as caught:
        run(*arguments)
    assert str(caught.value) == message


def test_unknown_space_is_named():
    with pytest.raises(UnknownNameError, match="unknown space 'AnyNetZ'"):
        run("AnyNetZ")


def test_band_that_no_design_meets_says_what_was_drawn():
    with pytest.raises(SettingsError) as caught:
        run("AnyNetX", "--count", "2", "--band", "1..2", "--draws", "50")
    message = str(caught.value)
    assert message.startswith(
        "space 'AnyNetX': 0 of 2 designs with macs 1..2 at 224 px in 50 draws: "
    )
    assert "50 outside the band (100.0%); macs of valid designs: " in message
    assert message.endswith("; widen the band, or allow more draws")


def test_images_that_are_too_small_leave_no_design():
    with pytest.raises(SettingsError, match="44 invalid"):
        run("CNN-10", "--count", "99", "--px", "1", "--draws", "60", "--parameters", "..9e9")


def test_bands_are_read():
    assert parse_band("--band", "1_000..2.5e3") == Band(1000, 2500)
    assert parse_band("--band", "..5") == Band(0, 5)
    assert parse_band("--band", "5..").high == float("inf")
