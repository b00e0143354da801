# SPDX-License-Identifier: Apache-2.0
"""What OpenSCAP finds is taken in: from files the real `oscap` wrote, in both forms."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tidegate.checks.xccdf import ScapResults, read_xccdf
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Severity

_XCCDF = """\
<?xml version="1.0" encoding="UTF-8"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_dev.tidegate_benchmark_node">
  <status>accepted</status><title>Nodes</title><version>1</version>
  {rules}
</Benchmark>
"""
_RULE = """\
  <Rule id="xccdf_dev.tidegate_rule_{name}" selected="true" severity="{severity}">
    <title>The file says {name}</title>
    <reference href="https://house.example/">4.5.2</reference><reference href="https://house.example/">HOUSE-7</reference>
    <ident system="https://house.example/ids">H-{name}</ident>
    <fixtext>write {name} into it</fixtext>
    <check system="http://oval.mitre.org/XMLSchema/oval-definitions-5">
      <check-content-ref href="oval.xml" name="oval:dev.tidegate:def:{number}"/>
    </check>
  </Rule>
"""
_OVAL = """\
<?xml version="1.0" encoding="UTF-8"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"
    xmlns:ind="http://oval.mitre.org/XMLSchema/oval-definitions-5#independent">
  <generator><oval:schema_version xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5">5.11</oval:schema_version>
    <oval:timestamp xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5">2026-01-01T00:00:00</oval:timestamp>
  </generator>
  <definitions>{definitions}</definitions>
  <tests>{tests}</tests>
  <objects>{objects}</objects>
</oval_definitions>
"""
_DEFINITION = (
    '<definition class="compliance" id="oval:dev.tidegate:def:{n}" version="1"><metadata><title>t</title>'
    '<description>d</description></metadata><criteria><criterion test_ref="oval:dev.tidegate:tst:{n}"/></criteria>'
    "</definition>"
)
_TEST = (
    '<ind:textfilecontent54_test id="oval:dev.tidegate:tst:{n}" version="1" check="all" comment="c">'
    '<ind:object object_ref="oval:dev.tidegate:obj:{n}"/></ind:textfilecontent54_test>'
)
_OBJECT = (
    '<ind:textfilecontent54_object id="oval:dev.tidegate:obj:{n}" version="1"><ind:filepath>{path}</ind:filepath>'
    '<ind:pattern operation="pattern match">^{word}$</ind:pattern><ind:instance datatype="int">1</ind:instance>'
    "</ind:textfilecontent54_object>"
)
_WORDS = {"here": "high", "absent": "medium", "gone": "low"}


def _evaluated(folder: Path) -> dict[str, bytes]:
    """Both forms of what `oscap` says of a file that holds one word of three."""
    oscap = shutil.which("oscap")
    if oscap is None:
        pytest.skip("install openscap-scanner")
    (folder / "node.conf").write_text("here\n")
    named = list(enumerate(_WORDS, start=1))
    rules = [_RULE.format(name=word, severity=_WORDS[word], number=n) for n, word in named]
    parts = {
        "definitions": "".join(_DEFINITION.format(n=n) for n, _ in named),
        "tests": "".join(_TEST.format(n=n) for n, _ in named),
        "objects": "".join(_OBJECT.format(n=n, path=folder / "node.conf", word=word) for n, word in named),
    }
    (folder / "xccdf.xml").write_text(_XCCDF.format(rules="".join(rules)))
    (folder / "oval.xml").write_text(_OVAL.format(**parts))
    call = [oscap, "xccdf", "eval", "--results", "results.xml", "--results-arf", "arf.xml", "xccdf.xml"]
    ran = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 2, ran.stderr  # a rule failed
    return {name: (folder / f"{name}.xml").read_bytes() for name in ("results", "arf")}


@pytest.mark.tools
def test_both_forms_say_the_same(tmp_path: Path) -> None:
    files = _evaluated(tmp_path)
    read = {name: read_xccdf(content, where=name) for name, content in files.items()}
    assert read["arf"] == read["results"]
    results = read["arf"]
    assert results.passed == 1
    assert len(results.targets) == 1
    assert [(one.id, one.severity) for one in results.failed] == [("absent", Severity.MEDIUM), ("gone", Severity.LOW)]
    absent = results.failed[0]
    assert (absent.title, absent.fix) == ("The file says absent", "write absent into it")
    assert absent.references == ("H-absent", "HOUSE-7")
    assert (absent.subject, absent.location) == ("host", results.targets[0])


def _run(result: str, more: str = "", **words: str) -> ScapResults:
    attributes = " ".join(f'{name}="{value}"' for name, value in words.items())
    text = (
        '<TestResult xmlns="http://checklists.nist.gov/xccdf/1.1"><target>node</target>'
        f'<rule-result idref="a_rule_x" {attributes}><result>{result}</result>{more}</rule-result></TestResult>'
    )
    return read_xccdf(text.encode(), where="file")


@pytest.mark.parametrize("result", ["pass", "fixed", "notapplicable", "notselected", "informational", "notchecked"])
def test_what_is_no_failure_is_none(result: str) -> None:
    assert (_run(result).failed, _run(result).untold) == ((), ())


def test_what_could_not_be_evaluated_is_told() -> None:
    assert _run("error", "<message>no such probe</message>").untold == (("x", "no such probe"),)
    assert _run("unknown").untold == (("x", "the scanner says unknown"),)


def test_a_file_without_its_benchmark_says_what_it_can() -> None:
    (found,) = _run("fail", severity="high").failed
    assert (found.id, found.title, found.severity, found.references) == ("x", "x", Severity.HIGH, ("XCCDF",))
    assert _run("fail", severity="strange").failed[0].severity is Severity.UNKNOWN


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<Benchmark/>", "holds no results"),
        (b"no xml", "not XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><TestResult>&b;</TestResult>', "a document type"),
    ],
)
def test_what_is_no_result_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        read_xccdf(content, where="file")


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.checks.xccdf.MAX_RESULTS_TAGS", 4)
    with pytest.raises(BoundExceededError):
        read_xccdf(b"<a><b/><c/><TestResult/></a>", where="file")
