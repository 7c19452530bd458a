"""The runtime half is the second witness: it finds the marked line of each labelled program and accuses no other.

`DIFFERENT` tells where it cannot agree, and why; such a case must really differ.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gradguard.catalogue import all_rules

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = CASES.parents[1] / "examples"
FILES = sorted([*CASES.glob("*/*.py"), *EXAMPLES.glob("**/*.py")])
MARK = re.compile(r"# (expect|also): (GG\d\d\d)")

DIFFERENT = {
    "graph-leak/bad_embeddings_of_the_gallery": "what an evaluation keeps is not looked at: no backward runs there",
    "graph-leak/bad_test_loss_summed": "what an evaluation keeps is not looked at: no backward runs there",
    "leaf-loss/bad_negated_numbers_in_new_tensor": "told as a step that finds no gradient",
    "detached-backward/bad_layer_output_data": "what no backward reaches is not told at run time",
    "detached-backward/bad_layer_output_rewrapped": "what no backward reaches is not told at run time",
    "detached-backward/bad_layer_output_through_numpy": "what no backward reaches is not told at run time",
    "detached-backward/bad_no_grad_above_a_submodules_forward": "what no backward reaches is not told at run time",
    "no-grad-not-called/bad_statement": "a context manager that nobody enters leaves no trace",
    "detached-backward/bad_term_as_number": "a constant that is added to a loss leaves no trace in its graph",
    "detached-backward/bad_term_in_new_tensor": "a constant that is added to a loss leaves no trace in its graph",
    "detached-backward/bad_term_of_argmax": "a constant that is added to a loss leaves no trace in its graph",
    "missing-zero-grad/bad_sam_second_pass": "a perturbation of weights that an optimizer owns is no update by hand",
    "zero-grad-before-step/bad_real_gradient_dropped": "dropping one of two gradients on purpose looks the same",
    "parameter-rebound/bad_step_function_returns_result": "told as the read of a non-leaf's gradient",
}
# A run tries the formula of a Function only if that can surely do no harm; the rest is for `check_function` to find.
LEFT_TO_CHECKING = {
    "broken/convolution_function_wrong_gradient": "it calls functions of the program",
    "function-wrong-gradient/bad_in_place": "it writes in place",
}
# What follows in a run from a method that is not called.
CONSEQUENCES = {"GG101", "GG103"}

RUN_ALL = """
import contextlib, io, json, os, sys, warnings
import torch
import torch._dynamo  # what each program would import anew otherwise
from gradguard.runtime.script import run
torch.set_num_threads(1)
for path in json.load(sys.stdin):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        silent = io.StringIO()
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            _, report = run(path, [], module=False)
        found = [[finding.location.line, finding.code] for finding in report.findings]
        errors = [error.message for error in report.errors]
        os.write(writer, json.dumps([path, found, errors]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        print(stream.read(), flush=True)
    os.waitpid(child, 0)
"""


RULES = [rule for rule in all_rules() if rule.code != "GG901"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_examples_of_a_rule(watched, rule):
    select = () if rule.default else (rule.name,)
    assert watched(rule.bad, select=select) == ({rule.name} if rule.in_run else set())
    assert bool(watched.missing) is not rule.in_run
    assert not watched.elsewhere
    assert watched(rule.good, select=select) == set()


@pytest.fixture(scope="module")
def findings():
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps([str(path) for path in FILES]),
        capture_output=True,
        text=True,
        check=True,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {path: ({tuple(entry) for entry in found}, errors) for path, found, errors in results}


def marks(path):
    found = {"expect": set(), "also": set()}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        for kind, code in MARK.findall(line):
            found[kind].add((number, code))
    return found["expect"], found["also"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path, findings):
    expected, also = marks(path)
    found, errors = findings[str(path)]
    assert errors == []
    codes = {code for _, code in expected}
    if "GG401" in codes:
        assert {(line, code) for line, code in found if code not in CONSEQUENCES} == expected
        return
    known = {rule.code for rule in RULES if rule.in_run}
    name = f"{path.parent.name}/{path.stem}"
    if not expected or not codes & known or name in LEFT_TO_CHECKING:
        assert found == set()
        return
    hit = expected <= found or bool(found & {mark for mark in also if mark[1] in codes})
    assert hit != (name in DIFFERENT), "found by now: take it off the list" if hit else f"not found; found {found}"
