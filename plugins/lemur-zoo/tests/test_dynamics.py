"""The movement of members through the space of their weights."""

import numpy as np
import pandas as pd
import pytest

from lemur_zoo import Zoo
from lemur_zoo.dynamics import dynamics_of, zoo_dynamics

from .conftest import run


def test_points_on_a_circle_have_its_curvature_and_turn_by_the_same_angle():
    angles = np.linspace(0, 1, 6)
    circle = 5 * np.stack([np.cos(angles), np.sin(angles), np.zeros(6)], 1) + [1, 2, 3]
    measured = dynamics_of(circle)
    np.testing.assert_allclose(measured.curvature[1:-1], 1 / 5)
    np.testing.assert_allclose(measured.turn[1:-1], np.degrees(0.2))
    np.testing.assert_allclose(measured.speed[1:], 2 * 5 * np.sin(0.1))
    np.testing.assert_allclose(measured.distance, 2 * 5 * np.sin(angles / 2))
    assert np.isnan(
        [measured.speed[0], *measured.turn[[0, -1]], *measured.curvature[[0, -1]]]
    ).all()


def test_a_straight_line_has_no_curvature_and_its_length_is_its_distance():
    line = np.outer([0, 1, 3, 7], [3.0, 4.0]) + 1
    measured = dynamics_of(line)
    np.testing.assert_allclose(measured.turn[1:-1], 0, atol=1e-6)
    np.testing.assert_allclose(measured.curvature[1:-1], 0, atol=1e-8)
    np.testing.assert_allclose(measured.length, [0, 5, 15, 35])
    np.testing.assert_allclose(measured.distance, measured.length)


def test_steps_back_and_pauses():
    measured = dynamics_of(np.array([[0.0], [1.0], [0.0], [0.0]]))
    assert measured.turn[1] == pytest.approx(180)
    assert np.isnan(measured.curvature[1])
    assert np.isnan(measured.turn[2])
    assert measured.length[-1] == 2
    assert measured.distance[-1] == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_trajectory_has_no_turn(count):
    measured = dynamics_of(np.ones((count, 3)))
    assert all(len(values) == count for values in measured)
    assert np.isnan(measured.turn).all()


def test_the_angle_is_that_to_the_first_weights():
    measured = dynamics_of(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]]))
    np.testing.assert_allclose(measured.angle, [0, 45, 90], atol=1e-6)


def test_the_command_writes_the_values_of_all_members(small, tmp_path):
    output = run("dynamics", small, "--csv", tmp_path / "dynamics.csv")
    frame = pd.read_csv(tmp_path / "dynamics.csv")
    assert len(frame) == 16 * 3
    zoo = Zoo(small)
    first, second = (zoo.weights(7, epoch).astype(float) for epoch in (0, 1))
    row = frame.query("member == 7 and epoch == 1").iloc[0]
    assert row["speed"] == pytest.approx(np.sqrt(((second - first) ** 2).sum()))
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert row["angle"] == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-4)
    median = zoo_dynamics(zoo).query("epoch == 2")["speed"].median()
    assert f"{median:.4g}" in output.splitlines()[3]
    assert "next: lemur estimate replay --dataset digits[samples=60,test=40]" in output


def test_curves_of_members_are_replayed_by_estimators(tmp_path, monkeypatch):
    pytest.importorskip("lemur_estimators")
    from click.testing import CliRunner

    from lemur_core.cli import cli

    spec = tmp_path / "spec.toml"
    spec.write_text('[zoo]\ndataset = "digits[samples=40,test=20]"\nepochs = 4\n')
    monkeypatch.chdir(tmp_path)
    run("make", spec, "--out", "zoo", "--db", "lemur.db")
    command = run("dynamics", "zoo").splitlines()[-1].removeprefix("next: lemur ")
    result = CliRunner().invoke(cli, [*command.split(), "--db", "lemur.db", "--orders", "1"])
    assert result.exit_code == 0, result.output
    assert "trials: 1, studies: 1, too short or without score: 0" in result.output
