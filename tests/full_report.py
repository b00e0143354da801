# SPDX-License-Identifier: Apache-2.0
"""Scan reports with every field set: one of plain words, and any of hostile ones."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from tidegate.artifact import Digest, Platform
from tidegate.evidence import (
    Configuration,
    Exploitation,
    Finding,
    KnowledgeStamp,
    Match,
    ScannedArtifact,
    ScanReport,
    Severity,
    Support,
)
from tidegate.evidence.finding import FixState, Priority, Urgency
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.evidence.scan_report import Advice, BaseImage, Notice
from tidegate.evidence.suppression import (
    IdleWord,
    InVain,
    SaidIn,
    Suppressed,
    SuppressedMisconfiguration,
    SuppressedSecret,
    Word,
)
from tidegate.inventory import (
    Basis,
    Census,
    Component,
    Custody,
    Ecosystem,
    FileCustody,
    FileNature,
    Integrity,
    LocatedSecret,
    Origin,
    OsRelease,
    Outcome,
    OutcomeStatus,
    PackageKind,
    PackageUrl,
    Scope,
    SecretFact,
    Share,
    Version,
)

LAYERS = (Digest.of(b"1"), Digest.of(b"2"))
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!-- x --> ]]> <b>&amp;",
    '=HYPERLINK("http://x")',
    "@SUM(1)",
    "::error file=a,line=1::owned",
    "a%0A::set-output name=x::y",
    "a\n::warning::b\r\n",
    "\x1b]0;owned\x07\x1b[31m",
    "| a | b |\n|---|---|",
    "[x](javascript:alert(1)) ![y](https://e.example/z.png)",
    "@octocat #1 https://evil.example www.evil.example",
    "{{ 7*7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "`code` **bold** <img src=x onerror=alert(1)>",
    'a,b;"c"',
    "' OR 1=1 --",
    "x" * 5000,
    "\ufffe\uffff\u0000",
    "javascript:alert(1)",
    'https://e.example/"onmouseover=alert(1)',
)


def full_report(text: str = "plain") -> ScanReport:
    """A report with every field set, `text` wherever any text may stand."""
    said = Word(
        said_in=SaidIn.OPENVEX,
        source=f"vex {text}",
        id=text,
        status="not_affected",
        reason=text,
        expires=date(2027, 1, 1),
    )
    finding = _finding(text)
    secret = LocatedSecret(
        secret=SecretFact(
            rule=f"token {text}",
            path=f"etc/{text}",
            line=7,
            redacted=f"abcd{text}",
            fingerprint="f" * 64,
            place="git",
            commit="c" * 40,
            decoded=("base64", text),
            column=3,
        ),
        layer=LAYERS[1],
        deleted=True,
    )
    wrong = Misconfiguration(
        id=f"TG-IMG-001{text}",
        title=text,
        severity=Severity.HIGH,
        reason=f"because {text}",
        fix=f"write {text}",
        references=("CIS Docker 1.6 4.1", text),
        subject="image",
        location=f"Dockerfile {text}",
        line=3,
    )
    file = FileCustody(
        path=f"usr/bin/{text}",
        origin=Origin.DISTRO,
        integrity=Integrity.MODIFIED,
        layer=LAYERS[0],
        package=PackageUrl(f"pkg:deb/debian/{text}"),
        digest=LAYERS[0],
        size=5,
        mode=0o755,
        nature=FileNature.PROGRAM,
        is_configuration=True,
    )
    return ScanReport(
        artifact=ScannedArtifact(
            name=f"registry.example/team/app:{text}",
            digest=Digest.of(b"image"),
            layers=LAYERS,
            platform=Platform(os="linux", architecture="amd64"),
            os_release=OsRelease(id="debian", version_id="12", pretty_name=f"Debian {text}"),
        ),
        components=(_component(text),),
        findings=(finding, _lesser(text)),
        secrets=(secret,),
        configuration=Configuration(user=text, runs_as_root=False, exposed_ports=("80/tcp",), labels={text: text}),
        support=(
            Support(
                product="debian",
                cycle="12",
                ends=date(2026, 6, 30),
                ended=True,
                latest=text,
                subject="distribution",
                purl=f"pkg:deb/{text}",
                days_left=-3,
                last_fix=date(2026, 6, 1),
                fixes_per_year=12,
            ),
        ),
        outcomes=(Outcome(plugin="rpm", status=OutcomeStatus.FAILED, location=f"var/{text}", reason=text),),
        knowledge=KnowledgeStamp(sequence=4, digest="sha256:x", made_at=datetime(2026, 1, 2, tzinfo=UTC)),
        unmatched=(text,),
        at=date(2026, 1, 2),
        custody=Custody(
            shares=tuple(Share(origin=origin, files=10, bytes=1_500_000, executables=2) for origin in Origin),
            modified=(file,),
            missing=(file,),
            unexplained=(file,),
            in_house=(file,),
            unchecked=3,
            truncated=True,
        ),
        census=Census(files=40, bytes=9, setuid=(text,), shells=("bin/sh",)),
        misconfigurations=(wrong,),
        suppressed=(Suppressed(finding=_finding(text, id=f"CVE-2025-9999{text}"), by=said),),
        suppressed_secrets=(SuppressedSecret(secret=secret, by=said),),
        suppressed_misconfigurations=(SuppressedMisconfiguration(misconfiguration=wrong, by=said),),
        idle=(IdleWord(word=said, why=InVain.EXPIRED, detail=text),),
        notices=(Notice(kind="deprecated", purl=PackageUrl(f"pkg:npm/{text}"), location=text, reason=text),),
        base=BaseImage(name=f"debian:{text}", layers=1, known_by="layers", digest=LAYERS[0], part_of=text),
        advice=(
            Advice(
                kind="base", subject=f"debian {text}", to=f"debian:13{text}", removes=(text, "CVE-1"), adds=("CVE-2",)
            ),
        ),
    )


def hostile_texts() -> st.SearchStrategy[str]:
    """The texts that are meant to break a form, alone and mixed with any others."""
    anything = st.text(st.characters(codec="utf-8"), max_size=40)
    return st.one_of(
        st.sampled_from(HOSTILE),
        anything,
        st.tuples(anything, st.sampled_from(HOSTILE), anything).map("".join),
    )


def _component(text: str) -> Component:
    return Component(
        kind=PackageKind.PYPI,
        name=f"brook{text}",
        version=Version(f"1.2{text}"),
        purl=PackageUrl(f"pkg:pypi/brook@1.2{text}"),
        ecosystem=Ecosystem("PyPI"),
        location=f"usr/lib/{text}",
        layer=LAYERS[1],
        cataloger="python",
        licenses=(text,),
        supplier=text,
    )


def _finding(text: str, id: str = "") -> Finding:  # noqa: A002 - the field's own name
    return Finding(
        id=id or f"PYSEC-2025-1{text}",
        aliases=(f"CVE-2025-0001{text}", text),
        purl=PackageUrl(f"pkg:pypi/brook@1.2{text}"),
        name=f"brook{text}",
        version=Version(f"1.2{text}"),
        location=f"usr/lib/{text}",
        layer=LAYERS[1],
        summary=f"can be steered {text}",
        fixed_version=Version(f"2.0{text}"),
        severity=Severity.CRITICAL,
        score=9.8,
        vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        why=Match(
            ecosystem=Ecosystem("PyPI"),
            matched_name=f"brook{text}",
            matched_version=Version(f"1.2{text}"),
            affected=f">= 0, < 2.0{text}",
            source=f"PyPA {text}",
        ),
        exploited=Exploitation(cve="CVE-2025-0001", added=date(2025, 12, 24), due=date(2026, 1, 14), ransomware=True),
        epss=0.93,
        epss_percentile=0.99,
        malicious=True,
        published="2025-12-01T00:00:00Z",
        references=(f"https://e.example/{text}", text, "https://advisories.example/1"),
        fix_state=FixState.FIXED,
        scope=Scope.TEST,
        basis=Basis.CLAIMED,
        part="base",
        priority=Priority(score=97.5, urgency=Urgency.NOW, reasons=(f"+25 exploited {text}",), profile="finance"),
    )


def _lesser(text: str) -> Finding:
    return Finding(
        id="DEBIAN-CVE-2025-2",
        aliases=(),
        purl=PackageUrl("pkg:deb/debian/a@1"),
        name="a",
        version=Version("1"),
        location="var/lib/dpkg/status",
        layer=LAYERS[0],
        summary="",
        fixed_version=None,
        severity=Severity.UNKNOWN,
        score=None,
        vector="",
        why=Match(
            ecosystem=Ecosystem("Debian:12"),
            matched_name="a",
            matched_version=Version("1"),
            affected="all",
            source=text,
        ),
        fix_state=FixState.WILL_NOT_FIX,
    )
