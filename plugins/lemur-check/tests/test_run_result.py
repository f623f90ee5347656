"""A net's process is only believed as far as its report can be true."""

import json

import pytest

from lemur_check.run_result import Bounds, Cause, RunResult, conclude
from lemur_check.verdict import Verdict

BEFORE = Verdict("x", valid=False, step="template")
BOUNDS = Bounds(epochs=2, prm={"lr": 0.5}, seconds=10.0, parameters=1_000, lines=20)
IMPORT = {"step": "import"}
BUILD = {"step": "build", "prm": {"lr": 0.5, "transform": "norm_32", "deep": True, "act": "relu"}}
FORWARD = {"step": "forward", "parameters": 10, "multiply_adds": 20}
BATCH = {"step": "batch", "parameters": 12}
EPOCHS = {"step": "epochs"}
DONE = {"done": True}


def epoch(place=1, **facts):
    members = {"number": place, "validation": 0.5, "accuracy": 0.25, "duration_ns": place * 10**9}
    return {"epoch": members | facts}


STEPS = [IMPORT, BUILD, FORWARD, BATCH, EPOCHS]
WHOLE = [*STEPS, epoch(1), epoch(2), DONE]


def verdict_on(messages, bounds=BOUNDS, **options):
    lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return conclude(BEFORE, RunResult(lines, **options), bounds)


def test_plausible_reports_are_accepted():
    verdict = verdict_on(WHOLE)
    assert (verdict.valid, verdict.reason, verdict.step) == (True, "", "epochs")
    assert (verdict.parameters, verdict.multiply_adds) == (12, 20)
    assert (verdict.validation, verdict.score, verdict.seconds) == (0.5, 0.25, 2.0)
    assert verdict.prm == BUILD["prm"]
    short = Bounds(epochs=0, prm={}, seconds=1.0, parameters=None, lines=1)
    assert verdict_on([*STEPS[:4], DONE], short).valid
    assert not verdict_on([*STEPS[:3], DONE], short).valid


@pytest.mark.parametrize(
    "messages",
    [
        [DONE], [IMPORT, DONE], [*STEPS[:4], DONE], [*STEPS, DONE], [*STEPS, epoch(1), DONE],
        [IMPORT, EPOCHS, epoch(1), epoch(2), DONE], [epoch(1), epoch(2), DONE],
        [*STEPS[:4], epoch(1), epoch(2), DONE], [*STEPS, epoch(2), epoch(2), DONE],
        [*STEPS, epoch(1), epoch(1), DONE], [*STEPS, epoch(1), epoch(2), epoch(3), DONE],
        [BUILD, IMPORT, FORWARD, BATCH, EPOCHS, epoch(1), epoch(2), DONE],
        [*WHOLE, epoch(2)], [*WHOLE, EPOCHS], [*WHOLE, DONE], [*STEPS, {"done": 1}], WHOLE[:-1], [],
    ],
)  # fmt: skip
def test_a_net_is_only_valid_if_it_took_every_requested_step(messages):
    verdict = verdict_on(messages)
    assert not verdict.valid
    assert verdict.reason.startswith("its process ")
    assert verdict.limit == ""


@pytest.mark.parametrize(
    "facts",
    [
        {"accuracy": 1.5}, {"accuracy": -0.1}, {"accuracy": float("nan")}, {"accuracy": "1"},
        {"accuracy": True}, {"accuracy": None}, {"accuracy": 10**400}, {"accuracy": [1]},
        {"validation": 2.0}, {"validation": None}, {"validation": float("inf")},
        {"duration_ns": -1},
        {"duration_ns": 11 * 10**9}, {"duration_ns": 2.5}, {"duration_ns": 10**30},
        {"number": 0}, {"number": "1"}, {"number": True},
    ],
)  # fmt: skip
def test_scores_are_accepted_together_or_not_at_all(facts):
    verdict = verdict_on([*STEPS, epoch(1, **facts), epoch(2), DONE])
    assert not verdict.valid
    assert (verdict.validation, verdict.score, verdict.seconds) == (None, None, None)
    assert verdict.step == "epochs"


def test_durations_must_not_decrease():
    verdict = verdict_on([*STEPS, epoch(1), epoch(2, duration_ns=5), DONE])
    assert (verdict.valid, verdict.seconds) == (False, 1.0)


@pytest.mark.parametrize(
    "prm",
    [
        [], "lr", None, {}, {"lr": 0.25}, {"lr": 0.5, "a": [1]}, {"lr": 0.5, "a": {"b": 1}},
        {"lr": 0.5, "a": None}, {"lr": 0.5, "a": float("nan")}, {"lr": 0.5, "a": 2**63},
        {"lr": 0.5, "a": "x" * 1_001}, {"lr": 0.5, "x" * 201: 1}, {"lr": 0.5, "\x1b[2J": 1},
        {"lr": 0.5, "\ud800": 1}, {"lr": 0.5, "a": "\ud800"}, {"lr": 0.5, "": 1},
        {"lr": 0.5, **{f"a{number}": 1 for number in range(256)}}, {"lr": 0.5, "a": "\0"},
    ],
)  # fmt: skip
def test_hyperparameters_must_be_few_flat_and_include_the_given_ones(prm):
    verdict = verdict_on([IMPORT, BUILD | {"prm": prm}, *WHOLE[2:]])
    assert (verdict.valid, verdict.prm, verdict.step) == (False, None, "import")


@pytest.mark.parametrize("value", [-1, 1_001, 2**63, 1.0, "1", True, None, [], 10**400])
def test_sizes_must_be_integers_that_fit_into_the_memory(value):
    verdict = verdict_on([*STEPS[:3], BATCH | {"parameters": value}, *WHOLE[4:]])
    assert (verdict.valid, verdict.parameters, verdict.step) == (False, 10, "forward")
    if value != 1_001:
        forward = FORWARD | {"multiply_adds": value}
        assert verdict_on([*STEPS[:2], forward, *WHOLE[3:]]).multiply_adds is None


@pytest.mark.parametrize(
    "line",
    [
        "no JSON", "[1]", "null", "3", "[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "{}", "",
        '{"step": "everything"}', '{"step": ["import"]}', '{"step": null}', '{"valid": true}',
        '{"parameters": ' + "9" * 5_000 + "}", '{"failed": 3}', '{"failed": "x", "line": -1}',
        '{"failed": "x", "line": 21}', '{"failed": "x", "traceback": [1]}', '{"epoch": 3}',
    ],
)  # fmt: skip
def test_a_malformed_report_makes_a_net_invalid(line):
    for place in range(len(WHOLE)):
        verdict = verdict_on([*WHOLE[:place], line, *WHOLE[place:]])
        assert not verdict.valid
        assert verdict.reason.startswith("its process reported ")
        facts = json.loads(json.dumps(verdict.facts()))
        assert Verdict.of(facts) == verdict


def test_reasons_are_truncated_and_the_first_failure_is_final():
    failed = {"failed": "\ud800" + "x" * 900 + "\nmore", "line": 20, "traceback": "y" * 9_000}
    verdict = verdict_on([IMPORT, failed, *WHOLE[1:]])
    assert (verdict.valid, verdict.step, verdict.line) == (False, "import", 20)
    assert verdict.reason == "\ud800" + "x" * 499
    assert len(verdict.traceback) == 8_000


@pytest.mark.parametrize(
    ("messages", "options", "reason", "limit"),
    [
        ([IMPORT], {"reason": "took longer than 2 s", "cause": Cause.TIME}, "took longer", "time"),
        (WHOLE, {"reason": "took 3 GiB", "cause": Cause.MEMORY}, "took 3 GiB", "memory"),
        (["{", *WHOLE], {"reason": "was killed", "cause": Cause.LOST}, "was killed", "lost"),
        (["{", *WHOLE], {"reason": "wrote too much output"}, "wrote too much output", ""),
        ([IMPORT, {"failed": "MemoryError: "}], {}, "MemoryError: ", "memory"),
        ([{"failed": "RuntimeError: [enforce fail] . DefaultCPUAllocator: can't allocate memory"}],
         {}, "RuntimeError", "memory"),
        ([{"failed": "OutOfMemoryError: CUDA out of memory"}], {}, "OutOfMemoryError", "memory"),
        ([{"failed": "ValueError: MemoryError"}], {}, "ValueError", ""),
        (WHOLE, {"cause": Cause.LOST}, "", ""),
    ],
)  # fmt: skip
def test_limits_of_the_machine_are_distinguished_from_the_nets_faults(
    messages, options, reason, limit
):
    verdict = verdict_on(messages, **options)
    assert verdict.reason.startswith(reason)
    assert verdict.valid == (not reason)
    assert verdict.limit == limit
