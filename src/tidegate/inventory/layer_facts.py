# SPDX-License-Identifier: Apache-2.0
"""What is in one layer: found once per layer digest and analyser version, true for ever."""

from enum import StrEnum

from tidegate.artifact import Digest
from tidegate.inventory.component import Ownership, Package, PackageUrl
from tidegate.inventory.os_release import OsRelease
from tidegate.values import Struct


class OutcomeStatus(StrEnum):
    """How a plug-in's run over one file went."""

    PARTIAL = "partial"
    FAILED = "failed"


class Outcome(Struct, frozen=True, kw_only=True):
    """A plug-in that could not read all it should have; a run without trouble leaves none."""

    plugin: str
    status: OutcomeStatus
    location: str
    reason: str


class Diversion(Struct, frozen=True, kw_only=True):
    """A file laid elsewhere than its package says (dpkg-divert(1)); paths without a leading slash.

    Attributes:
        path: where packages say it is.
        moved_to: where it is.
        package: the one whose own file lies at `path` all the same; "" for none, when an administrator diverted it.
    """

    path: str
    moved_to: str
    package: str = ""


class PackageLicenses(Struct, frozen=True, kw_only=True):
    """Licences of a package that another file than its own record states; as written, one entry a statement."""

    package: str
    licenses: tuple[str, ...]


class InstallerFile(Struct, frozen=True, kw_only=True):
    """A file that an installer of packages wrote for itself; known by its whole content.

    Attributes:
        maker: who writes such files: `pnpm`, `npm`, `yarn`, `venv`.
        leads_to: path of the program it starts; "" when it starts none.
        root: folder of the virtual environment it is of; "" when it is of none.
    """

    maker: str
    leads_to: str = ""
    root: str = ""


class FileFacts(Struct, frozen=True, kw_only=True):
    """What one cataloger read from one file of a layer.

    Attributes:
        licenses_of: licences of the distribution's packages, where their database states none.
        diversions: of files, as the distribution's package manager keeps them.
        left_out: patterns of paths its packages' files are not unpacked for, in order, the last that fits decides;
            one that begins with `!` lets in again (dpkg(1), `path-exclude`, `path-include`).
        installer: who wrote the file itself, when it is an installer's; None for every other.
    """

    path: str
    cataloger: str
    packages: tuple[Package, ...] = ()
    ownership: tuple[Ownership, ...] = ()
    os_release: OsRelease | None = None
    diversions: tuple[Diversion, ...] = ()
    left_out: tuple[str, ...] = ()
    licenses_of: tuple[PackageLicenses, ...] = ()
    installer: InstallerFile | None = None


class LinkKind(StrEnum):
    """How a name points at another."""

    SYMBOLIC = "symbolic"
    HARD = "hard"


class Link(Struct, frozen=True, kw_only=True):
    """A link in a layer; `target` of a symbolic one is as written, of a hard one a path from the root."""

    path: str
    target: str
    kind: LinkKind


class SecretFact(Struct, frozen=True, kw_only=True):
    """A secret seen in a file; its value is never kept.

    Attributes:
        rule: the kind of token, such as `private-key`.
        path: in the layer; `config`, `env:NAME`, `history:N` where `place` says so.
        line: counted from 1.
        place: where `path` lies: `file`, `image-config`, `git`.
        commit: that first brought it in, for `git`.
        author: who brought it in, for `git`.
        decoded: how it was encoded, outermost first: `base64`, `hex`, `percent`, `utf-16`, `pyc`, `gzip`, `zip:NAME`
            and `tar:NAME` with the name of the member.
        allowed: the comment on its line that allows it, such as `gitleaks:allow`; "" when there is none.
        column: of its first character, counted from 1; 0 when unknown.
        redacted: first characters and length, for people to recognise it.
        fingerprint: sha256 hex over rule and secret, to tell two apart without keeping either.
    """

    rule: str
    path: str
    line: int
    redacted: str
    fingerprint: str
    place: str = "file"
    commit: str = ""
    decoded: tuple[str, ...] = ()
    column: int = 0
    author: str = ""
    allowed: str = ""


class LayerFacts(Struct, frozen=True, kw_only=True):
    """All facts of one layer.

    Attributes:
        analyser: version of the analysis that found them; a newer one finds anew.
        digest: of the blob as stored (compressed).
        diff_id: of the tar stream (uncompressed).
        size: of the tar stream in bytes.
        entries: tar entries walked.
        whiteouts: paths this layer deletes from those below.
        opaque: folders whose content below is hidden.
        tree: paths of all entries, packed by `tidegate.scan.tree`; read only when links must be followed.
    """

    analyser: str
    digest: Digest
    diff_id: Digest
    size: int
    entries: int
    files: tuple[FileFacts, ...] = ()
    whiteouts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    tree: bytes = b""


class LocatedSecret(Struct, frozen=True, kw_only=True):
    """A secret and the layer (compressed digest) that carries it; `deleted` when a later layer hides it again.

    Attributes:
        package: of the distribution, whose file it is in, as far as custody can tell the way it was published; None
            for every other file.
    """

    secret: SecretFact
    layer: Digest
    deleted: bool = False
    package: PackageUrl | None = None
