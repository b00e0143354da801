# SPDX-License-Identifier: Apache-2.0
"""`tidegate check`: folders, files, standard input and images; what is shown, what is silenced, what fails."""

import io
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped] # it has no types of its own
import pytest
from cli_run import Ran, Run

from tidegate.knowledge.build import build

DOCKERFILE = "FROM nginx:latest\nUSER root\nRUN chmod 777 /x\n"
COMPOSE = "services:\n  web: {image: nginx, privileged: true}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true}\n"
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "scan-report.schema.json"


@pytest.fixture
def folder(home: Path) -> Path:
    del home
    made = Path.cwd()
    (made / "Dockerfile").write_text(DOCKERFILE)
    (made / "deploy").mkdir()
    (made / "deploy" / "compose.yaml").write_text(COMPOSE)
    (made / "deploy" / "pod.yaml").write_text(POD)
    (made / "deploy" / "values.yaml").write_text("a: {b: [\n")
    (made / "deploy" / "settings.json").write_text("{}")
    (made / "node_modules").mkdir()
    (made / "node_modules" / "Dockerfile").write_text(DOCKERFILE)
    return made


def ids(ran: Ran) -> set[tuple[str, str, int]]:
    return {(one["id"], one["location"], one["line"]) for one in ran.json["misconfigurations"]}


def test_a_folder_is_looked_through(run: Run, folder: Path) -> None:
    ran = run("check", folder, "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    jsonschema.validate(ran.json, json.loads(SCHEMA.read_text()))
    assert ran.json["documents"] == ["Dockerfile", "deploy/compose.yaml", "deploy/pod.yaml"]
    assert ids(ran) >= {
        ("TG-DF-001", "Dockerfile", 2),
        ("TG-CP-001", "deploy/compose.yaml", 2),
        ("TG-K8S-002", "deploy/pod.yaml", 1),
    }
    again = run("check", folder, "--format", "json")
    assert again.out == ran.out
    (folder / "Dockerfile").write_text(DOCKERFILE + "\n")
    assert run("check", folder, "--format", "json").json["artifact"]["digest"] != ran.json["artifact"]["digest"]


def test_a_broken_dockerfile_of_a_folder_is_told_and_the_rest_is_checked(run: Run, folder: Path) -> None:
    (folder / "deploy" / "Dockerfile").write_text("FRUM x\n")
    ran = run("check", folder, "--format", "json")
    assert ran.status == 0
    assert [one["location"] for one in ran.json["outcomes"]] == ["deploy/Dockerfile"]
    assert "unknown instruction 'FRUM'" in ran.err
    assert len(ran.json["documents"]) == 3
    assert "not read  deploy/Dockerfile" in run("check", folder).out


def test_thresholds_decide_the_exit_status(run: Run, folder: Path) -> None:
    assert run("check", folder / "Dockerfile", "--fail-on", "critical").status == 0
    ran = run("check", folder / "Dockerfile", "--fail-on", "high", "--severity", "critical")
    assert ran.status == 1
    assert "1 of 4 are high or worse" in ran.err
    assert "TG-DF-001" not in ran.out


def test_severity_chooses_what_is_shown(run: Run, folder: Path) -> None:
    shown = run("check", folder, "--severity", "high", "--format", "json").json["misconfigurations"]
    assert {one["severity"] for one in shown} == {"high", "critical"}


@pytest.mark.parametrize("form", ["table", "sarif", "junit", "markdown", "html", "csv", "github"])
def test_every_form_tells_of_a_check(run: Run, folder: Path, form: str) -> None:
    ran = run("check", folder, "--format", form)
    assert ran.status == 0, ran.err
    assert "TG-CP-001" in ran.out
    assert "deploy/compose.yaml" in ran.out.replace("\\", "")
    assert "no knowledge" not in ran.out
    assert "not known" not in ran.out


def test_forms_point_at_lines(run: Run, folder: Path) -> None:
    results = run("check", folder, "--format", "sarif").json["runs"][0]["results"]
    (root,) = [one for one in results if one["ruleId"] == "TG-DF-001"]
    place = root["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("Dockerfile", 2)
    assert "file=Dockerfile,line=2,title=TG-DF-001" in run("check", folder, "--format", "github").out
    suites = ET.fromstring(run("check", folder, "--format", "junit").out)  # noqa: S314 - what we wrote ourselves
    assert [one.get("name") for one in suites] == ["configuration", "statements", "reading"]


@pytest.mark.parametrize("form", ["cyclonedx-json", "spdx-json", "gitlab"])
def test_forms_without_a_place_for_checks_are_refused(run: Run, folder: Path, form: str) -> None:
    ran = run("check", folder / "Dockerfile", "--format", form)
    assert (ran.status, ran.out) == (2, "")
    assert "has no place for checks" in ran.err


def test_several_forms_at_once(run: Run, folder: Path) -> None:
    ran = run("check", folder, "--format", "table", "--format", "sarif=a.sarif")
    assert ran.out.startswith("3 documents checked, ")
    assert json.loads(Path("a.sarif").read_text())["version"] == "2.1.0"


def test_standard_input_is_a_document(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    for text, name in ((DOCKERFILE, "TG-DF-001"), (POD, "TG-K8S-002"), (COMPOSE, "TG-CP-001")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert name in run("check", "-").out


def test_an_ignore_file_silences_by_id_and_path(run: Run, folder: Path) -> None:
    (folder / "deploy" / "b.dockerfile").write_text(DOCKERFILE)
    (folder / "ignore.yaml").write_text(
        'misconfigurations:\n  - {id: TG-DF-001, paths: ["deploy/*"], statement: later}\n  - {id: TG-DF-999}\n'
    )
    told = run("check", folder, "--ignorefile", "ignore.yaml", "--format", "json").json
    excused = told["suppressed_misconfigurations"]
    assert [(one["misconfiguration"]["location"], one["by"]["reason"]) for one in excused] == [
        ("deploy/b.dockerfile", "later")
    ]
    assert [(one["word"]["id"], one["why"]) for one in told["idle"]] == [("TG-DF-999", "unused")]
    (folder / ".trivyignore").write_text("TG-DF-001 exp:2020-01-01\nTG-K8S-002\n")
    ran = run("check", folder)
    assert "heeding .trivyignore" in ran.err
    assert "in vain   TG-DF-001  in .trivyignore:1: expired" in ran.out
    assert "ignored   TG-K8S-002  deploy/pod.yaml:1 Pod/p  by .trivyignore:2" in ran.out


def test_a_comment_silences_and_is_told(run: Run, home: Path) -> None:
    del home
    Path("Dockerfile").write_text(
        "# tidegate:ignore=TG-DF-002 ours\nFROM x\nUSER 1\n# tidegate:ignore=TG-DF-017\nRUN id\n"
    )
    ran = run("check", "Dockerfile")
    assert "ignored   TG-DF-002  Dockerfile:2  by Dockerfile:1: ours" in ran.out
    assert "in vain   TG-DF-017  in Dockerfile:4: unused" in ran.out
    assert run("check", "Dockerfile", "--fail-on", "medium").status == 0


def test_checks_of_ones_own(run: Run, folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "apiVersion: tidegate.dev/v1\nkind: Checks\nmetadata: {name: own}\nspec:\n  subject: dockerfile\n  checks:\n"
        "    - {id: OUR-1, title: Not ours, severity: critical, references: [us], each: stages,\n"
        "       when: \"!stage.image.startsWith('ours/')\", reason: '{stage.image}', fix: mirror it}\n"
    )
    ran = run("check", "Dockerfile", "--checks", "own.yaml", "--fail-on", "critical")
    assert ran.status == 1
    assert "critical  OUR-1  Not ours  Dockerfile:1" in ran.out
    (folder / "own.yaml").write_text(
        (folder / "own.yaml").read_text().replace("stage.image.starts", "stage.imge.starts")
    )
    ran = run("check", "Dockerfile", "--checks", "own.yaml")
    assert (ran.status, ran.out) == (2, "")
    assert "own.yaml:8" in ran.err


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("gone", None, "no such file or folder"),
        ("README.md", "# hello\n", "no Dockerfile, Compose file or Kubernetes manifest"),
        ("t.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Values.x }}}\n", "helm template"),
        ("Dockerfile", "RUN id\n", "no FROM"),
    ],
)
def test_what_was_named_and_is_none_is_an_error(run: Run, home: Path, name: str, text: str | None, told: str) -> None:
    del home
    if text is not None:
        Path(name).write_text(text)
    ran = run("check", name)
    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


def test_nothing_to_check_is_told(run: Run, home: Path) -> None:
    del home
    ran = run("check", ".")
    assert ran.status == 0
    assert "nothing to check" in ran.err


def test_an_image_is_checked(run: Run, image: Path) -> None:
    ran = run("check", f"oci:{image}", "--format", "json")
    assert ran.status == 0, ran.err
    found = {one["id"] for one in ran.json["misconfigurations"]}
    assert {"TG-IMG-003", "TG-IMG-005", "TG-IMG-027"} <= found
    assert not found & {"TG-IMG-001", "TG-IMG-002"}
    assert ran.json["components"] == []
    assert "TG-IMG-003" in run("check", f"oci:{image}", "--format", "markdown").out
    two = run("check", f"oci:{image}", "Dockerfile")
    assert two.status == 2
    assert "an image is checked alone" in two.err


def _chart(folder: Path) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("image: nginx\n")
    (folder / "templates" / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  template:\n    spec:\n"
        "      containers:\n        - name: web\n          image: {{ .Values.image }}\n"
    )
    return folder


def test_a_chart_in_a_folder_is_passed_over_with_a_note(run: Run, folder: Path) -> None:
    _chart(folder / "chart")
    ran = run("check", folder, "--format", "json")
    assert ran.json["documents"] == ["Dockerfile", "deploy/compose.yaml", "deploy/pod.yaml"]
    assert "is a Helm chart" in ran.err
    assert "helm template" in ran.err


@pytest.mark.tools
def test_a_chart_that_helm_rendered(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    built = Path(__file__).parents[2] / ".tools" / "bin" / "helm"
    helm = shutil.which("helm") or (str(built) if built.exists() else None)
    if helm is None:
        pytest.skip("install helm, or Go and run tools/go-programs.sh helm")
    done = subprocess.run([helm, "template", "shop", str(_chart(Path("chart")))], capture_output=True, check=True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(done.stdout)))
    ran = run("check", "-", "--format", "json")
    parts = {one["part"] for one in ran.json["misconfigurations"] if one["id"] == "TG-K8S-016"}
    assert parts == {"Deployment/shop web"}


def test_a_host_is_checked(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "host"
    for name, text in {
        "etc/hostname": "node-1",
        "etc/docker/daemon.json": '{"hosts": ["tcp://0.0.0.0:2375"]}',
        "etc/containerd/config.toml": "a = [",
        "proc/sys/kernel/kptr_restrict": "0",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    ran = run("check", f"host:{root}", "--format", "json", "--fail-on", "critical")
    assert ran.status == 1
    jsonschema.validate(ran.json, json.loads(SCHEMA.read_text()))
    assert ran.json["artifact"]["name"] == "node-1"
    assert ids(ran) >= {("TG-HOST-070", "/etc/docker/daemon.json", 0), ("TG-HOST-002", "kernel", 0)}
    assert [one["location"] for one in ran.json["outcomes"]] == ["/etc/containerd/config.toml"]
    page = run("check", f"host:{root}", "--severity", "critical")
    assert "TG-HOST-070" in page.out
    assert "TG-HOST-002" not in page.out
    assert "not read  /etc/containerd/config.toml" in page.out


def test_checks_of_our_own_are_asked_of_a_host(run: Run, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hostname").write_text("node-1")
    (tmp_path / "own.yaml").write_text(
        "apiVersion: tidegate.dev/v1\nkind: Checks\nmetadata: {name: own}\nspec:\n  subject: host\n  checks:\n"
        "    - {id: OWN-1, title: Named, severity: low, references: [Handbook 1], when: host.name == 'node-1',"
        " reason: it is, fix: none}\n"
    )
    ran = run("check", f"host:{tmp_path}", "--checks", tmp_path / "own.yaml", "--format", "json")
    assert {"OWN-1"} <= {one["id"] for one in ran.json["misconfigurations"]}
    assert "tells nothing of the kernel" in ran.err


def test_what_openscap_found_stands_beside(run: Run, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hostname").write_text("node-1")
    results = tmp_path / "results.xml"
    results.write_text(
        "<TestResult><target>node-2</target><rule-result idref='a_rule_x' severity='high'><result>fail</result>"
        "</rule-result><rule-result idref='a_rule_y'><result>error</result></rule-result></TestResult>"
    )
    ran = run("check", "--scap", results, "--format", "json", "--fail-on", "high")
    assert ran.status == 1
    assert ids(ran) == {("x", "node-2", 0)}
    assert [one["location"] for one in ran.json["outcomes"]] == [f"{results}: y"]
    both = run("check", f"host:{tmp_path}", "--scap", results, "--format", "json")
    assert both.json["artifact"]["name"] == "node-1 node-2"
    assert ("x", "node-2", 0) in ids(both)
    assert "1 rules failed, 0 passed on node-2" in both.err


DPKG = """\
Package: {0}
Status: install ok installed
Architecture: amd64
Version: {1}
Source: {2}
Maintainer: Debian

"""
KERNEL = "linux-image-6.1.0-18-amd64"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A Debian that runs runc and an older kernel than is installed."""
    packages = [("runc", "1.1.5+ds1-1", "runc"), (KERNEL, "6.1.82-1", "linux"), ("zlib1g", "1:1.2.13", "zlib")]
    for name, text in {
        "etc/hostname": "node-2",
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n',
        "var/lib/dpkg/status": "".join(DPKG.format(*one) for one in packages),
        "proc/version": "Linux version 6.1.0-18-amd64 (x@y) (gcc) #1 SMP Debian 6.1.76-1 (2024-02-01)",
        "proc/sys/kernel/osrelease": "6.1.0-18-amd64",
        "home/me/secret": "nobody looks here",
    }.items():
        (tmp_path / "node" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "node" / name).write_text(text)
    return tmp_path / "node"


@pytest.fixture
def of_debian(home: Path, tmp_path: Path) -> None:
    """Flaws of runc, of the kernel and of another package, the least of them in runc; Debian 12 is past its end."""
    (tmp_path / "debian/Debian:12").mkdir(parents=True)
    flaws = [("runc", "1.1.12", "L"), ("linux", "6.1.80-1", "H"), ("zlib", "1:1.2.14", "H")]
    for number, (name, fixed, impact) in enumerate(flaws):
        vector = f"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:{impact}/I:{impact}/A:{impact}"
        document = {
            "id": f"DEBIAN-CVE-2024-{number}",
            "modified": "2026-01-01T00:00:00Z",
            "severity": [{"type": "CVSS_V3", "score": vector}],
            "affected": [
                {
                    "package": {"ecosystem": "Debian:12", "name": name},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
                }
            ],
        }
        (tmp_path / f"debian/Debian:12/{document['id']}.json").write_text(json.dumps(document))
    cycles = [{"cycle": "12", "eol": "2020-01-01", "latest": "12.9"}]
    products = {"products": {"debian": {"category": "os", "cycles": cycles}}}
    (tmp_path / "debian/eol.json").write_text(json.dumps(products))
    (tmp_path / "debian/ecosystems.txt").write_text("Debian:12\n")
    build(tmp_path / "debian", home / "knowledge.db", made_at=datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.usefixtures("of_debian")
def test_what_a_host_runs_is_held_against_the_advisories_its_runtimes_first(run: Run, node: Path) -> None:
    ran = run("check", f"host:{node}", "--format", "json", "--fail-on", "critical")
    assert ran.status == 1
    jsonschema.validate(ran.json, json.loads(SCHEMA.read_text()))
    assert [(one["name"], one["version"]) for one in ran.json["findings"]] == [
        ("runc", "1.1.5+ds1-1"),
        (KERNEL, "6.1.76-1"),  # the one that runs: the installed one is mended
        ("zlib1g", "1:1.2.13"),
    ]
    assert [(one["product"], one["ended"]) for one in ran.json["support"]] == [("debian", True)]
    (owed,) = (one for one in ran.json["misconfigurations"] if one["id"] == "TG-HOST-170")
    assert "6.1.0-18-amd64 runs" in owed["reason"]
    assert f"{KERNEL} 6.1.82-1 is installed" in owed["reason"]
    assert (run("check", f"host:{node}", "--severity", "critical")).out.index("6.1.76-1") > 0


@pytest.mark.usefixtures("of_debian")
def test_the_page_of_a_host_tells_versions_and_ends_of_life(run: Run, node: Path) -> None:
    page = run("check", f"host:{node}").out
    told = ["VERSIONS", "Debian 12", "debian 12  ended on 2020-01-01", "OF WHAT RUNS CONTAINERS", "runc 1.1.5+ds1-1"]
    places = [page.index(one) for one in (*told, "OF THE KERNEL", "linux 6.1.76-1", "OF OTHER PACKAGES", "zlib")]
    assert places == sorted(places)


def test_a_host_is_checked_without_knowledge(run: Run, node: Path) -> None:
    ran = run("check", f"host:{node}")
    assert "no knowledge file: what is wrong with these is not known" in ran.out
    assert "is not known" in ran.err


@pytest.mark.usefixtures("of_debian")
def test_a_flaw_of_a_host_is_silenced_as_one_of_an_image(run: Run, node: Path) -> None:
    Path(".trivyignore").write_text("DEBIAN-CVE-2024-0\nTG-HOST-170\n")
    ran = run("check", f"host:{node}", "--format", "json")
    assert "runc" not in {one["name"] for one in ran.json["findings"]}
    assert [one["finding"]["name"] for one in ran.json["suppressed"]] == ["runc"]
    assert [one["misconfiguration"]["id"] for one in ran.json["suppressed_misconfigurations"]] == ["TG-HOST-170"]
    assert ran.json["idle"] == []


@pytest.mark.parametrize("told", [("host:/nowhere",), ("host:/", "host:/")])
def test_what_is_no_host_is_a_wrong_use(run: Run, told: tuple[str, ...]) -> None:
    assert run("check", *told).status == 2
