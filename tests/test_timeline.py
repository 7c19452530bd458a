"""The timeline of a run: the states of the gradients, and the page that draws them."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradguard.catalogue import all_rules, find
from gradguard.events import Backward, OptimizerStep, ZeroGrad
from gradguard.finding import CheckError, Finding, Location, Note
from gradguard.ledger import Ledger
from gradguard.reporters.html_report import html_page
from gradguard.reporters.pages import explain
from gradguard.rule import Report, Rule
from gradguard.rules import missing_zero_grad
from gradguard.timeline import BACKWARD, CLEAR, KINDS, STEP, UPDATE, Lane, Moment, Timeline, stretches

PLACE = Location("train.py", 2, 1, 2, 16)
BROWSER = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)


def moments(kinds: str, lane: int = 0) -> list[Moment]:
    names = {kind[0]: kind for kind in KINDS}
    return [Moment(names[letter], (lane,), PLACE, loss=1.0 if letter == "b" else None) for letter in kinds]


def states(kinds: str) -> list[tuple[int, int, str]]:
    return [(s.begin, s.end, s.state) for s in stretches(moments(kinds), 0)]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("bsc", [(0, 1, "fresh"), (1, 2, "used")]),
        ("bbbsc", [(0, 3, "fresh"), (3, 4, "used")]),  # accumulation
        ("bsbsbs", [(0, 1, "fresh"), (1, 2, "used"), (2, 6, "consumed")]),
        ("bsbcbs", [(0, 1, "fresh"), (1, 2, "used"), (2, 3, "stale"), (4, 5, "fresh"), (5, 6, "used")]),  # a GAN
        ("bubu", [(0, 1, "fresh"), (1, 2, "used"), (2, 4, "consumed")]),
        ("sc", []),
        ("", []),
    ],
)
def test_the_states_of_a_gradient(kinds: str, expected: list[tuple[int, int, str]]) -> None:
    assert states(kinds) == expected


@given(st.text("bsuco", max_size=40))
def test_stretches_do_not_overlap_and_cover_all_that_is_not_empty(kinds: str) -> None:
    found = states(kinds)
    assert all(begin < end for begin, end, _ in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    covered = {index for begin, end, _ in found for index in range(begin, end)}
    empty = True
    for index, letter in enumerate(kinds):
        empty = letter == "c" or (empty and letter != "b")
        assert (index in covered) == (not empty)


@given(st.text("bsc", max_size=30))
def test_red_is_what_the_rule_reports(kinds: str) -> None:
    """The ledger and its rule are the witness: missing-zero-grad speaks just where the picture is red."""
    ledger = Ledger()
    ledger.born(["g"])
    gradients = frozenset(["g"])
    reported = False
    for letter in kinds:
        event = {
            "b": Backward(site=1, name="loss", gradients=gradients),
            "s": OptimizerStep(site=2, updater=1, name="optimizer", gradients=gradients),
            "c": ZeroGrad(site=3, name="optimizer", gradients=gradients),
        }[letter]
        if isinstance(event, OptimizerStep):
            said = missing_zero_grad.detect(event, ledger)
            reported = reported or any(isinstance(verdict, Report) for verdict in said)
        ledger.record(event)
    assert ("consumed" in {state for _, _, state in states(kinds)}) == reported


def test_a_lane_sees_only_its_own_moments() -> None:
    both = [*moments("bs", 0), *moments("b", 1)]
    assert [
        (s.lane, s.begin, s.end, s.state) for s in Timeline((Lane("a", 1), Lane("b", 1)), tuple(both)).stretches()
    ] == [
        (0, 0, 1, "fresh"),
        (0, 1, 3, "used"),
        (1, 2, 3, "fresh"),
    ]


# --- the page --------------------------------------------------------------------------------------------------------

SOURCE = ["import torch", "loss.backward()", "x = '</script><script>alert(1)</script>'", "optimizer.step()"]
FINDING = Finding(
    "missing-zero-grad",
    "GG101",
    "this backward adds to a gradient that `optimizer.step()` has already used",
    PLACE,
    (Note(Location("train.py", 4, 1, 4, 17), "used here"), Note(Location("other.py", 9, 1, 9, 2), "cleared <here>")),
    "call `optimizer.zero_grad()`",
)


def page(kinds: str = "bsbs", title: str = "train.py", findings: tuple[Finding, ...] = (FINDING,)) -> str:
    found = moments(kinds)
    if len(found) > 2:
        found[2] = Moment(BACKWARD, (0,), Location("train.py", 3, 1, 3, 2), loss=float("nan"))
    timeline = Timeline((Lane("optimizer", 3),), tuple(found), left_out=7)
    return html_page(title, timeline, findings, [CheckError("gradguard", "told <once>")], lambda _: SOURCE)


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    value = json.loads(found[1])
    assert isinstance(value, dict)
    return value


def test_the_page_holds_the_run() -> None:
    data = data_of(page())
    assert data["kinds"] == "bsbs"
    assert data["lanes"] == ["optimizer (3 tensors)"]
    assert data["losses"] == [1.0, None, "nan", None]
    assert data["leftOut"] == 7
    assert data["stretches"] == [[0, 0, 1, "fresh"], [0, 1, 2, "used"], [0, 2, 4, "consumed"]]
    assert ["train.py:2:1", "loss.backward()"] in data["sites"]  # type: ignore[operator]


def test_the_page_shows_the_findings() -> None:
    text = page()
    assert "1 problem found" in text
    assert "GG101 missing-zero-grad" in text
    assert "<code>optimizer.step()</code>" in text
    assert "other.py:9:1: cleared &lt;here&gt;" in text
    assert "told &lt;once&gt;" in text


def test_what_comes_from_the_user_is_no_markup() -> None:
    text = page(title="<img onerror=1>")
    assert "<img" not in text
    assert text.count("<script") == 2
    assert "alert(1)</script>" not in text


def test_the_page_loads_nothing() -> None:
    text = page()
    assert not re.search(r"(src|href)=|url\(|@import|https?://", text)
    assert "default-src 'none'" in text


def test_a_run_without_a_backward_says_so() -> None:
    text = page(kinds="", findings=())
    assert "nothing to draw" in text
    assert "nothing found" in text


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
@pytest.mark.parametrize("width", [400, 1300])
def test_a_browser_draws_it(tmp_path: Path, width: int) -> None:
    file = tmp_path / "report.html"
    file.write_text(page("bsbs" * 30), encoding="utf-8")
    assert BROWSER is not None
    seen = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    shown = re.search(r'<output id="where">1.(\d+) of 120 recorded \(7 more were not\)</output>', seen)
    assert shown is not None
    assert 8 <= int(shown[1]) < 120
    assert (int(shown[1]) > 40) == (width > 1000)


def test_the_kinds_have_letters_of_their_own() -> None:
    assert len({kind[0] for kind in KINDS}) == len(KINDS)
    assert {BACKWARD, STEP, CLEAR, UPDATE} < set(KINDS)


def verdicts(rule: Rule, story: str) -> int:
    """How often a rule reports a gradient to which this happens."""
    ledger = Ledger()
    ledger.born(["g"])
    gradients = frozenset(["g"])
    count = 0
    for kind in story.split():
        event = {
            "backward": Backward(site=1, name="loss", gradients=gradients),
            "step": OptimizerStep(site=2, updater=1, name="optimizer", gradients=gradients),
            "clear": ZeroGrad(site=3, name="optimizer", gradients=gradients),
        }[kind]
        detect = rule.detect.get(type(event))
        said = () if detect is None else detect(event, ledger)
        count += sum(isinstance(verdict, Report) for verdict in said)
        ledger.record(event)
    return count


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if rule.story[0]], ids=lambda rule: rule.name)
def test_the_drawn_story_is_the_pitfall(rule: Rule) -> None:
    bad, good = rule.story
    assert verdicts(rule, bad) == 1
    assert verdicts(rule, good) == 0


def test_the_drawing_fits_a_narrow_page_without_unicode() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    explain(find("missing-zero-grad"), stream)
    stream.seek(0)
    text = stream.read()
    assert "o===========o-----------o###########o" in text
    assert "stale" in text
