# SPDX-License-Identifier: Apache-2.0
"""Signatures on real commits, each form, and every way to tamper with one. git's own verification stands beside it."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_works import WHEN, GpgKeys, SshKeys, Work, needs_programs, run, signing_with_ssh

from tidegate.development.commits.allowed_signers import parse_allowed_signers, parse_revoked_keys
from tidegate.development.commits.rules import Demands
from tidegate.development.commits.ssh_signature import SshTrust
from tidegate.development.commits.trail import TrailQuestion, check_commits
from tidegate.development.commits.verifying import Trust, open_verifier
from tidegate.development.commits.x509 import read_roots
from tidegate.development.git.repository import Repository
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.commits import CheckedCommit, SignatureState

pytestmark = needs_programs
AT = datetime(2026, 6, 1, tzinfo=UTC)
GOOD, BAD, UNKNOWN = SignatureState.GOOD, SignatureState.BAD, SignatureState.UNKNOWN_KEY
EXPIRED, REVOKED, UNREADABLE = SignatureState.EXPIRED, SignatureState.REVOKED, SignatureState.UNREADABLE


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "work")


@pytest.fixture
def keys(tmp_path: Path) -> SshKeys:
    return SshKeys(tmp_path)


@pytest.fixture
def gpg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpgKeys]:
    # A socket of the agent lies in it: its path must be short.
    found = GpgKeys(tmp_path_factory.mktemp("g") / "h")
    yield found
    found.close()


def trusting(keys: SshKeys, revoked: bytes = b"") -> Trust:
    signers = parse_allowed_signers(keys.allowed.read_bytes(), where="allowed")
    return Trust(ssh=SshTrust(signers=signers, revoked=parse_revoked_keys(revoked, where="revoked")))


def last(work: Work, trust: Trust, *, own_signature: bool = False) -> CheckedCommit:
    question = TrailQuestion(commits="main", trust=trust, demands=Demands(own_signature=own_signature))
    return check_commits(Repository(work.folder), question, at=AT).commits[-1]


def git_agrees(work: Work, name: str, keys: SshKeys) -> bool:
    """Whether git itself, with ssh-keygen, finds the signature good."""
    settings = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={keys.allowed}")
    command = ["git", "-C", str(work.folder), *settings, "verify-commit", "--raw", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ed25519", ()),
        ("ecdsa", ("-b", "256")),
        ("ecdsa", ("-b", "384")),
        ("ecdsa", ("-b", "521")),
        ("rsa", ("-b", "2048")),
    ],
)
@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_ssh_signatures_of_every_kind_hold(
    tmp_path: Path, keys: SshKeys, kind: str, options: tuple[str, ...], form: str
) -> None:
    work = Work(tmp_path / "work", form)
    ann = keys.make("ann", kind, *options)
    keys.allow("ann@example.com", ann)
    name = work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "x") or work.head()
    found = last(work, trusting(keys), own_signature=True)
    assert (found.signature, found.form, found.signer, found.problems) == (GOOD, "ssh", "ann@example.com", ())
    assert found.key in run("ssh-keygen", "-lf", f"{ann}.pub").decode()
    assert git_agrees(work, name, keys)


def signed(work: Work, keys: SshKeys) -> tuple[str, Path]:
    ann = keys.make("ann")
    keys.allow("ann@example.com", ann)
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "the message")
    return work.head(), ann


TAMPERED = {
    "message": lambda raw: raw.replace(b"the message", b"the massage"),
    "author": lambda raw: raw.replace(b"author Ann", b"author Eve"),
    "time": lambda raw: raw.replace(b"%d" % WHEN, b"%d" % (WHEN + 1)),
    "tree": lambda raw: raw.replace(b"tree 4b825dc6", b"tree 4b825dc7"),
    "header added": lambda raw: raw.replace(b"\ngpgsig ", b"\nmergetag object x\n more\ngpgsig "),
    "header behind": lambda raw: raw.replace(b"\n\n", b"\nencoding x\n\n", 1),
    "message longer": lambda raw: raw + b"more\n",
    "signature cut": lambda raw: raw.replace(b" -----END SSH SIGNATURE-----", b" "),
    "one bit": lambda raw: raw.replace(b" U1NIU0lH", b" U1NIU0lI"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_commit_that_was_changed_is_found_out(work: Work, keys: SshKeys, how: str) -> None:
    name, _ = signed(work, keys)
    raw = work.raw(name)
    changed = TAMPERED[how](raw)
    assert changed != raw
    stored = work.store(changed)
    found = last(work, trusting(keys))
    assert found.signature in {BAD, UNREADABLE}
    assert found.problems[0] in {"bad-signature", "unreadable-signature"}
    assert not git_agrees(work, stored, keys)


def signature_of(raw: bytes) -> bytes:
    head = raw.partition(b"\n\n")[0]
    start = head.index(b"gpgsig ")
    return head[start:]


def test_a_signature_of_another_commit_is_no_signature_of_this(work: Work, keys: SshKeys) -> None:
    first, ann = signed(work, keys)
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "another")
    one, two = work.raw(first), work.raw(work.head())
    work.store(two.replace(signature_of(two), signature_of(one)))
    assert last(work, trusting(keys)).signature is BAD


@pytest.mark.parametrize("where", ["before", "behind"])
def test_two_signatures_are_none(work: Work, keys: SshKeys, where: str) -> None:
    """Git joins them, other readers take the first or the last."""
    name, _ = signed(work, keys)
    eve = keys.make("eve")
    raw = work.raw(name)
    work.git(*signing_with_ssh(eve), "commit", "-q", "--allow-empty", "--amend", "-m", "the message")
    other = signature_of(work.raw(work.head()))
    own = signature_of(raw)
    both = other + b"\n" + own if where == "before" else own + b"\n" + other
    work.store(raw.replace(own, both))
    found = last(work, trusting(keys))
    assert (found.signature, found.problems) == (UNREADABLE, ("unreadable-signature",))


def test_a_signature_for_the_other_kind_of_names_is_none(work: Work, keys: SshKeys) -> None:
    name, _ = signed(work, keys)
    work.store(work.raw(name).replace(b"\ngpgsig ", b"\ngpgsig-sha256 "))
    assert last(work, trusting(keys)).signature is UNREADABLE


def test_whose_key_it_is_must_have_been_said(work: Work, keys: SshKeys) -> None:
    _, ann = signed(work, keys)
    eve = keys.make("eve")
    work.git(*signing_with_ssh(eve), "commit", "-q", "--allow-empty", "-m", "by eve")
    found = last(work, trusting(keys))
    assert (found.signature, found.signer, found.problems) == (UNKNOWN, "", ("unknown-key",))
    revoked = Path(f"{ann}.pub").read_bytes()
    work.git("reset", "-q", "--hard", "HEAD^")
    assert last(work, trusting(keys, revoked)).signature is REVOKED
    name = run("ssh-keygen", "-lf", f"{ann}.pub").split()[1]
    assert last(work, trusting(keys, name)).signature is REVOKED
    with pytest.raises(InvalidInputError, match="list public keys"):
        trusting(keys, b"SSHKRL\n\0")


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ('namespaces="git"', GOOD),
        ('namespaces="file,g*"', GOOD),
        ('namespaces="file"', UNKNOWN),
        ('valid-before="20260101"', EXPIRED),
        ('valid-after="20270101"', EXPIRED),
        ('valid-after="20260101",valid-before="202701010000Z"', GOOD),
        ("cert-authority", UNKNOWN),
    ],
)
def test_allowed_signers_are_held_to_their_options(
    work: Work, keys: SshKeys, options: str, state: SignatureState
) -> None:
    ann = keys.make("ann")
    keys.allow("ann@example.com", ann, options)
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "x")
    assert last(work, trusting(keys)).signature is state
    assert git_agrees(work, work.head(), keys) == (state is GOOD)


@pytest.mark.parametrize(
    "line",
    [
        "ann@example.com",
        "ann@example.com ssh-ed25519",
        "ann@example.com ssh-ed25519 AAAA",
        "ann@example.com ssh-ed25519 !!!",
        'ann@example.com unknown="x" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA',
        'ann@example.com valid-after="soon" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA',
        'ann@example.com valid-after="20261301" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA',
    ],
)
def test_a_line_that_cannot_be_read_refuses_the_file(line: str) -> None:
    with pytest.raises(InvalidInputError, match="allowed:2"):
        parse_allowed_signers(f"# comment\n{line}\n".encode(), where="allowed")


def test_a_signature_for_something_else_than_git_is_bad(work: Work, keys: SshKeys) -> None:
    name, ann = signed(work, keys)
    raw = work.raw(name)
    payload = raw.replace(signature_of(raw) + b"\n", b"")
    made = run("ssh-keygen", "-Y", "sign", "-q", "-n", "file", "-f", str(ann), given=payload)
    lines = made.decode().strip().replace("\n", "\n ")
    work.store(raw.replace(signature_of(raw), b"gpgsig " + lines.encode()))
    assert last(work, trusting(keys)).signature is BAD
    good = run("ssh-keygen", "-Y", "sign", "-q", "-n", "git", "-f", str(ann), given=payload)
    work.store(raw.replace(signature_of(raw), b"gpgsig " + good.decode().strip().replace("\n", "\n ").encode()))
    assert last(work, trusting(keys)).signature is GOOD


@pytest.mark.parametrize(
    ("principals", "validity", "state"),
    [
        ("ann@example.com", "20260101:20270101", GOOD),
        ("eve@elsewhere.net", "20260101:20270101", UNKNOWN),
        ("ann@example.com", "20250101:20260101", EXPIRED),
    ],
)
def test_certificates_of_an_authority_speak_for_its_principals(
    work: Work, keys: SshKeys, principals: str, validity: str, state: SignatureState
) -> None:
    authority, ann = keys.make("authority"), keys.make("ann")
    keys.allow("*@example.com", authority, "cert-authority")
    run("ssh-keygen", "-q", "-s", str(authority), "-I", "id", "-n", principals, "-V", validity, f"{ann}.pub")
    work.git(*signing_with_ssh(Path(f"{ann}-cert.pub")), "commit", "-q", "--allow-empty", "-m", "x")
    found = last(work, trusting(keys), own_signature=True)
    assert found.signature is state
    assert (found.signer == principals) == (state is GOOD)
    keys.allowed.write_text("")
    keys.allow("*@example.com", keys.make("other"), "cert-authority")
    assert last(work, trusting(keys)).signature is UNKNOWN


def test_who_signed_must_be_who_wrote(work: Work, keys: SshKeys) -> None:
    _, ann = signed(work, keys)
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "as bob", who="Bob <bob@example.com>")
    assert last(work, trusting(keys)).problems == ()
    assert last(work, trusting(keys), own_signature=True).problems == ("signed-by-another",)
    asked = Demands(own_signature=True, forge_signs=("ann@example.com",))
    question = TrailQuestion(commits="main", trust=trusting(keys), demands=asked)
    assert check_commits(Repository(work.folder), question, at=AT).passed


def test_a_star_in_a_name_is_nobody_else(work: Work, keys: SshKeys, gpg: GpgKeys, tmp_path: Path) -> None:
    """Patterns are what whoever trusts writes; who owns a key or has a certificate names themselves."""
    star = gpg.make("Star <*@example.com>", "0", f"--faked-system-time={WHEN - 86_400}!")
    trust = Trust(openpgp=gpg.export(tmp_path / "keys.asc", star).read_bytes())
    work.git(*gpg.signing(star), "commit", "-q", "--allow-empty", "-m", "as ann")
    found = last(work, trust, own_signature=True)
    assert (found.signature, found.signer, found.problems) == (GOOD, "*@example.com", ("signed-by-another",))
    authority, ann = keys.make("authority"), keys.make("ann")
    keys.allow("*@example.com", authority, "cert-authority")
    named = ("-n", "*@example.com", "-V", "20260101:20270101")
    run("ssh-keygen", "-q", "-s", str(authority), "-I", "id", *named, f"{ann}.pub")
    work.git(*signing_with_ssh(Path(f"{ann}-cert.pub")), "commit", "-q", "--allow-empty", "-m", "x")
    found = last(work, trusting(keys), own_signature=True)
    assert (found.signature, found.problems) == (GOOD, ("signed-by-another",))


def test_openpgp_signatures(work: Work, gpg: GpgKeys, tmp_path: Path) -> None:
    made = f"--faked-system-time={WHEN - 86_400}!"
    ann = gpg.make("Ann <ann@example.com>", "0", made)
    eve = gpg.make("Eve <eve@example.com>", "0", made)
    exported = gpg.export(tmp_path / "keys.asc", "ann@example.com").read_bytes()
    trust = Trust(openpgp=exported)
    work.git(*gpg.signing(ann), "commit", "-q", "--allow-empty", "-m", "the message")
    good = work.raw(work.head())
    found = last(work, trust, own_signature=True)
    assert (found.signature, found.form, found.signer, found.key) == (GOOD, "openpgp", "ann@example.com", ann)
    for how in ("message", "author", "message longer"):
        work.store(TAMPERED[how](good))
        assert last(work, trust).signature is BAD, how
    work.store(good)
    work.git(*gpg.signing(eve), "commit", "-q", "--allow-empty", "-m", "by eve")
    assert last(work, trust).problems == ("unknown-key",)
    by_eve = work.raw(work.head())
    work.store(good.replace(signature_of(good), signature_of(by_eve)))
    assert last(work, trust).signature is UNKNOWN
    both = Trust(openpgp=gpg.export(tmp_path / "both.asc").read_bytes())
    assert last(work, both).signature is BAD
    work.store(good)
    assert last(work, Trust()).problems == ("unknown-key",)


def test_openpgp_keys_that_were_revoked_or_had_ended(work: Work, gpg: GpgKeys, tmp_path: Path) -> None:
    made = f"--faked-system-time={WHEN - 10 * 86_400}!"
    ann = gpg.make("Ann <ann@example.com>", "0", made)
    short = gpg.make("Short <short@example.com>", "5d", made)
    long = gpg.make("Long <long@example.com>", "20d", made)
    work.git(*gpg.signing(ann), "commit", "-q", "--allow-empty", "-m", "by ann")
    by_ann = work.raw(work.head())
    gpg.program.write_text(f'#!/bin/sh\nexec gpg --homedir "{gpg.home}" --faked-system-time {WHEN - 7 * 86_400} "$@"\n')
    work.git(*gpg.signing(short), "commit", "-q", "--allow-empty", "-m", "by short, in time")
    in_time = work.raw(work.head())
    work.git(*gpg.signing(long), "commit", "-q", "--allow-empty", "-m", "by long, in time")
    trust = Trust(openpgp=gpg.export(tmp_path / "keys.asc").read_bytes())
    with open_verifier(trust) as verifier:
        names = [verifier.of_commit(it) for it in Repository(work.folder).commits([work.head()])]
    assert [it.state for it in names] == [GOOD]
    work.store(in_time)
    assert last(work, trust).signature is GOOD
    certificate = (gpg.home / "openpgp-revocs.d" / f"{ann}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    gpg.gpg("--import", given=certificate.encode())
    work.store(by_ann)
    revoked = Trust(openpgp=gpg.export(tmp_path / "revoked.asc").read_bytes())
    found = last(work, revoked)
    assert (found.signature, found.problems) == (REVOKED, ("revoked-key",))


def test_what_holds_no_key_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no OpenPGP key"), open_verifier(Trust(openpgp=b"nothing")):
        pass
    with pytest.raises(InvalidInputError):
        read_roots(b"nothing", where="roots")


class Authority:
    """A certificate authority of openssl, and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.key))
        subject = ("-subj", f"/CN={name}")
        days = ("-days", "36500", "-out", str(self.certificate))
        self._openssl("req", "-new", "-x509", "-key", str(self.key), *subject, *days)

    def issue(self, name: str, address: str, days: int = 36_500) -> tuple[Path, Path]:
        """A certificate for an address."""
        key, request, found = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        self._openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-out", str(request))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName=email:{address}\nextendedKeyUsage=codeSigning\n")
        of = ("-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-extfile", str(extensions))
        self._openssl("x509", "-req", "-in", str(request), *of, "-days", str(days), "-out", str(found))
        return key, found

    def sign(self, payload: bytes, key: Path, certificate: Path) -> bytes:
        """A detached CMS signature, armoured as gitsign does."""
        signer = ("-signer", str(certificate), "-inkey", str(key))
        der = run("openssl", "cms", "-sign", "-binary", "-outform", "PEM", *signer, given=payload)
        return der.replace(b" CMS-----", b" SIGNED MESSAGE-----")

    def _openssl(self, *arguments: str) -> None:
        run("openssl", *arguments)


def test_certificates_as_gitsign_uses_them(work: Work, tmp_path: Path) -> None:
    import time

    authority, other = Authority(tmp_path, "root"), Authority(tmp_path, "other")
    key, certificate = authority.issue("ann", "ann@example.com")
    now = str(int(time.time()) + 60)
    plain = work.git("commit", "-q", "--allow-empty", "-m", "x", GIT_COMMITTER_DATE=f"{now} +0000") or work.head()
    raw = work.raw(plain)

    def store(signature: bytes, of: bytes = raw) -> None:
        header = b"\ngpgsig " + signature.strip().replace(b"\n", b"\n ")
        work.store(of.replace(b"\n\n", header + b"\n\n", 1))

    trust = Trust(x509=read_roots(authority.certificate.read_bytes(), where="roots"))
    made = authority.sign(raw, key, certificate)
    store(made)
    found = last(work, trust, own_signature=True)
    assert (found.signature, found.form, found.signer, found.problems) == (GOOD, "x509", "ann@example.com", ())
    strangers = Trust(x509=read_roots(other.certificate.read_bytes(), where="roots"))
    assert last(work, strangers).signature is UNKNOWN
    store(made, raw.replace(b"Ann", b"Eve"))
    assert last(work, trust).signature is BAD
    store(made.replace(b"-----END", b"x-----END"))
    assert last(work, trust).signature is UNREADABLE
    early = raw.replace(now.encode(), b"%d" % (WHEN - 10**9))
    store(authority.sign(early, key, certificate), early)
    assert last(work, trust).signature is EXPIRED


def test_tags_are_looked_at_too(work: Work, keys: SshKeys) -> None:
    name, ann = signed(work, keys)
    work.git(*signing_with_ssh(ann), "tag", "-s", "v1", "-m", "version 1")
    work.git("tag", "-a", "v0", "-m", "unsigned")
    first, second = Repository(work.folder).tags_of(name)
    with open_verifier(trusting(keys)) as verifier:
        assert [verifier.of_tag(first).state, verifier.of_tag(second).state] == [SignatureState.NONE, GOOD]
    assert (second.name, second.target, second.message) == ("v1", name, "version 1\n")


def test_a_merged_tag_is_part_of_what_is_signed(work: Work, keys: SshKeys) -> None:
    _, ann = signed(work, keys)
    work.git("checkout", "-q", "-b", "side")
    work.git(*signing_with_ssh(ann), "commit", "-q", "--allow-empty", "-m", "side")
    work.git(*signing_with_ssh(ann), "tag", "-s", "v2", "-m", "v2")
    work.git("checkout", "-q", "main")
    work.git(*signing_with_ssh(ann), "merge", "-q", "--no-ff", "-m", "merge", "v2")
    raw = work.raw(work.head())
    assert b"\nmergetag " in raw
    found = last(work, trusting(keys))
    assert (found.signature, found.merge) == (GOOD, True)
    work.store(raw.replace(b" tag v2", b" tag v3"))
    assert last(work, trusting(keys)).signature is BAD
