# SPDX-License-Identifier: Apache-2.0
"""Trust policies from YAML, as docs/reference/trust-policy.md has them; refused whole when anything is unknown."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from tidegate.artifact import Digest
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.rules.condition import Condition, Pattern
from tidegate.rules.marked_yaml import Node, Scalar, Table, read_documents
from tidegate.rules.reading import DocumentError, Fields, as_member, as_scalar, defect, suggestion
from tidegate.signing.certificate import Roots
from tidegate.signing.keys import TrustedKeys, VerifyingKey
from tidegate.signing.scheme import Scheme
from tidegate.signing.transparency import TrustedRoot
from tidegate.verification.policy import (
    Authority,
    CertificateAuthority,
    Identity,
    KeyAuthority,
    Requirement,
    TrustPolicy,
)

API_VERSION: Final = "tidegate.dev/v1"
KIND: Final = "TrustPolicy"
MAX_POLICY_BYTES: Final = MIB
MAX_AUTHORITIES: Final = 100
MAX_REQUIREMENTS: Final = 100
_MAX_THRESHOLD: Final = 100
_T = TypeVar("_T")


def load_trust_policy(path: Path) -> TrustPolicy:
    """Reads a trust policy and the keys, certificates and trusted root it names; paths are taken from its folder.

    Raises:
        NotFoundError: it, or a file it names, is missing.
        DocumentError: something is wrong in it; with the line.
        InvalidInputError: a file it names holds something else.
        BoundExceededError: it is over a bound.
    """
    try:
        with path.open("rb") as file:
            raw = read_bounded(file, max_bytes=MAX_POLICY_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such trust policy", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return parse_trust_policy(raw, file=str(path), folder=path.parent)


def parse_trust_policy(raw: bytes, *, file: str, folder: Path) -> TrustPolicy:
    """Reads a trust policy; raises as `load_trust_policy`.

    Args:
        raw: its YAML.
        file: its name in errors.
        folder: where paths in it begin.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("is no UTF-8", where=file) from error
    documents = read_documents(text, file=file)
    if len(documents) != 1:
        raise InvalidInputError(f"holds {len(documents)} documents, not one", where=file)
    try:
        return _policy(documents[0], Digest.of(raw), folder)
    except DocumentError:
        raise
    except InvalidInputError as error:
        raise DocumentError([error]) from error


def _policy(node: Node, digest: Digest, folder: Path) -> TrustPolicy:
    document = Fields.of(node, "apiVersion", "kind", "metadata", "spec")
    for name, value in (("apiVersion", API_VERSION), ("kind", KIND)):
        if document.text(name) != value:
            raise defect(document.node(name), f"unknown {name}", f"write {value}")
    metadata = Fields.of(document.node("metadata"), "name", "description")
    spec = Fields.of(document.node("spec"), "trustedRoot", "authorities", "requirements")
    listed = _bounded(spec, "authorities", MAX_AUTHORITIES)
    authorities = {one.name: one for one in _each(listed, lambda it: _authority(it, folder))}
    if len(authorities) != len(listed):
        raise defect(spec.node("authorities"), "two authorities have the same name")
    root = spec.text("trustedRoot", "")
    _demand_root(spec, authorities, root)
    return TrustPolicy(
        name=metadata.name("name"),
        digest=digest,
        authorities=authorities,
        requirements=_each(_bounded(spec, "requirements", MAX_REQUIREMENTS), lambda it: _requirement(it, authorities)),
        root=TrustedRoot.load(folder / root) if root else None,
    )


def _demand_root(spec: Fields, authorities: Mapping[str, Authority], root: str) -> None:
    for one in authorities.values():
        needs = one.must_be_logged or (isinstance(one, CertificateAuthority) and one.roots is None)
        if needs and not root:
            what = f"{one.name} needs a trustedRoot, since its signatures must be logged"
            raise defect(spec.node("authorities"), what, "name a trusted_root.json")


def _authority(node: Node, folder: Path) -> Authority:
    fields = Fields.of(node, "name", "keys", "schemes", "certificates", "logged")
    certificates = fields.optional("certificates")
    if (certificates is None) == (fields.optional("keys") is None):
        raise defect(node, "an authority has keys or certificates", "name one of the two")
    logged = _flag(fields, "logged")
    if certificates is None:
        return KeyAuthority(name=fields.name("name"), keys=_keys(fields, folder), must_be_logged=logged)
    inner = Fields.of(certificates, "identities", "roots")
    roots = inner.texts("roots")
    identities = _each(_some(inner, "identities"), _identity)
    if not roots and any(one.issuer is None for one in identities):
        # A public authority certifies whoever any of its issuers names: a mail address alone is then nobody's.
        what = "an identity without its issuer"
        raise defect(inner.node("identities"), what, "write issuer: every issuer could name the same person")
    return CertificateAuthority(
        name=fields.name("name"),
        identities=identities,
        roots=Roots.load([folder / name for name in roots]) if roots else None,
        must_be_logged=logged,
    )


def _keys(fields: Fields, folder: Path) -> TrustedKeys:
    schemes = [as_member(one, Scheme) for one in fields.listing("schemes")]
    found = []
    for one in _some(fields, "keys"):
        text = as_scalar(one).text
        is_pem = text.lstrip().startswith("-----BEGIN")
        where = str(one.place)
        key = VerifyingKey.parse(text.encode(), where=where) if is_pem else VerifyingKey.load(folder / text)
        found.append(key.among(schemes, where=where) if schemes else key)
    return TrustedKeys.of(found)


def _identity(node: Node) -> Identity:
    fields = Fields.of(node, "name", "nameMatches", "issuer", "issuerMatches")
    name = _text_or_pattern(fields, "name")
    if name is None:
        raise defect(node, "an identity has a name", "write name or nameMatches")
    return Identity(name=name, issuer=_text_or_pattern(fields, "issuer"))


def _text_or_pattern(fields: Fields, name: str) -> str | Pattern | None:
    exact, pattern = fields.text(name, ""), fields.text(f"{name}Matches", "")
    if exact and pattern:
        raise defect(fields.node(name), f"{name} and {name}Matches exclude each other")
    if not pattern:
        return exact or None
    try:
        return Pattern.parse(pattern)
    except InvalidInputError as error:
        raise defect(fields.node(f"{name}Matches"), error.what) from error


def _requirement(node: Node, authorities: Mapping[str, Authority]) -> Requirement:
    fields = Fields.of(node, "name", "images", "by", "threshold", "predicate", "annotations", "condition")
    by = _some(fields, "by")
    for one in by:
        name = as_scalar(one).text
        if name not in authorities:
            raise defect(one, f"no authority is called {name[:80]!r}", suggestion(name, authorities))
    threshold = fields.whole_number("threshold", 1, most=_MAX_THRESHOLD)
    trusted = [authorities[as_scalar(one).text] for one in by]
    number = len({key for one in trusted if isinstance(one, KeyAuthority) for key in one.keys.keys})
    if all(isinstance(one, KeyAuthority) for one in trusted) and threshold > number:
        raise defect(fields.node("threshold"), f"there are but {number} keys", "lower it or name more keys")
    condition = fields.optional("condition")
    if condition is not None and not fields.text("predicate", ""):
        raise defect(condition, "a condition is asked of a predicate", "name its type under predicate")
    return Requirement(
        name=fields.name("name"),
        by=tuple(as_scalar(one).text for one in by),
        images=fields.texts("images") or ("*",),
        threshold=threshold,
        predicate_type=fields.text("predicate", ""),
        annotations=_annotations(fields.optional("annotations")),
        condition=_condition(as_scalar(condition)) if condition is not None else None,
    )


def _condition(text: Scalar) -> Condition:
    try:
        return Condition.parse(text.text)
    except InvalidInputError as error:
        raise defect(text, error.what) from error


def _annotations(node: Node | None) -> dict[str, str]:
    if node is None:
        return {}
    if not isinstance(node, Table):
        raise defect(node, "expected keys and values")
    return {name: as_scalar(value).text for name, (_, value) in node.entries.items()}


def _flag(fields: Fields, name: str) -> bool:
    text = fields.text(name, "false")
    if text not in {"true", "false"}:
        raise defect(fields.node(name), "neither true nor false")
    return text == "true"


def _some(fields: Fields, name: str) -> tuple[Node, ...]:
    found = fields.listing(name)
    if not found:
        raise defect(fields.table, f"{name} names nobody, and then nothing holds", f"write {name}")
    return found


def _bounded(fields: Fields, name: str, most: int) -> tuple[Node, ...]:
    found = _some(fields, name)
    if len(found) > most:
        raise defect(fields.node(name), f"more than {most}")
    return found


def _each(nodes: Iterable[Node], read: Callable[[Node], _T]) -> tuple[_T, ...]:
    """Reads every node, and complains of all that are wrong at once."""
    found: list[_T] = []
    defects: list[InvalidInputError] = []
    for node in nodes:
        try:
            found.append(read(node))
        except DocumentError as error:
            defects += error.defects
        except (InvalidInputError, NotFoundError) as error:
            defects.append(error if isinstance(error, InvalidInputError) else defect(node, str(error)))
    if defects:
        raise DocumentError(defects)
    return tuple(found)
