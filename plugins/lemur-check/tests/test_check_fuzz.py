"""Random sources: every check ends with a verdict, never with a traceback."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lemur_check.check import checker
from lemur_check.check_settings import CheckSettings
from lemur_check.run_result import Bounds, RunResult, conclude
from lemur_check.template import TemplateError, check_template, parse
from lemur_check.verdict import Verdict
from lemur_core import installed

NETS = sorted(entry.source() for _, entry in installed().entries("net"))
ODD = [
    "\0", "\ud800", "\ufeff", "\N{RIGHT-TO-LEFT OVERRIDE}", "'''", '"', "\\", "(", ")", "[", "{",
    "\t", "\r", "    ", "\n", ":", "0" * 5000, "lambda:" * 200, "-" * 3000, "1e999", "nan", "async",
    "yield", "await", "return", "*", "**", "@", "f'{", "\x0c", "class Net:", "def learn(self):",
    "import os", "exec('')", "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL X}", "é",
]  # fmt: skip


@st.composite
def mutated(draw):
    """Return a net of the dataset with pieces removed, moved and inserted."""
    code = draw(st.sampled_from(NETS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(code)))
        end = min(len(code), start + draw(st.integers(0, 60)))
        piece = draw(st.sampled_from(ODD) | st.text(max_size=8) | st.just(code[start:end] * 2))
        code = code[:start] + piece + code[end:]
    return code


@pytest.fixture(scope="module")
def unrun():
    """Return a checker that does not run nets."""
    with checker(CheckSettings(), save=False, no_walls=True) as check:
        check._boxes.get().close()
        check._boxes.put(_Unrun())
        yield check


class _Unrun:
    not_enforced = ()

    def run(self, job):
        json.dumps(job)
        return RunResult(['{"step": "import"}', '{"failed": "not run"}'])

    def close(self):
        pass


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated() | st.text(max_size=60))
def test_any_source_gets_a_verdict(unrun, code):
    verdict = unrun(code)
    assert not verdict.valid
    assert verdict.reason
    assert Verdict.of(json.loads(json.dumps(verdict.facts()))) == verdict


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_source_that_does_not_compile_is_never_valid(code):
    try:
        compile(code, "net", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return
    except SyntaxWarning:
        return
    # A source that compiles may still not be a net; only TemplateError may be raised.
    with suppress(TemplateError):
        check_template(parse(code))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(max_size=40)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["step", "prm", "parameters", "multiply_adds", "line", "epoch", "accuracy",
                     "validation", "duration_ns", "failed", "traceback", "done", "valid"]
                ),
                inner,
                max_size=4,
            ),
            max_leaves=12,
        ).map(json.dumps),
        max_size=6,
    )
)  # fmt: skip
def test_any_report_of_a_nets_process_becomes_a_verdict(messages):
    bounds = Bounds(epochs=1, prm={}, seconds=1.0, parameters=None, lines=9)
    verdict = conclude(Verdict("x", valid=False, step="template"), RunResult(messages), bounds)
    assert verdict.name == "x"
    assert verdict.valid == (verdict.reason == "")
    assert verdict.score is None or 0 <= verdict.score <= 1
    assert (verdict.score is None) == (verdict.validation is None)
    assert Verdict.of(json.loads(json.dumps(verdict.facts()))) == verdict
