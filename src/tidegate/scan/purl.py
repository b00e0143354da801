# SPDX-License-Identifier: Apache-2.0
"""A package's URL (purl-spec, ECMA-427): type, vendor, name, version, and the qualifiers that tell builds apart."""

from typing import Final

from packageurl import PackageURL

from tidegate.inventory import OsRelease, Package, PackageKind, PackageUrl

_NAMESPACES: Final = {
    "rhel": "redhat",
    "ol": "oracle",
    "amzn": "amazon",
    "opensuse-leap": "opensuse",
    "opensuse-tumbleweed": "opensuse",
    "sles": "suse",
    "sled": "suse",
}
"""Vendors whose package URL namespace is not their os-release ID."""
_UNNAMED: Final = "unnamed"
"""Of a package called `/`: no package URL can hold that, and one odd package must not cost the whole inventory."""
_NOT_IN_URL: Final = frozenset({"inner-path"})
"""Qualifiers that tell where a package lies, not which one it is: a path inside the archive at its location."""


def component_purl(package: Package, os: OsRelease | None) -> PackageUrl:
    """The canonical package URL of an installed package.

    Args:
        package: as its cataloger read it.
        os: the image's operating system; it gives a distribution's package its namespace and its `distro` qualifier.

    Returns:
        For instance `pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl`. The epoch of an
        rpm is a qualifier, not part of the version, as the specification says.
    """
    namespace, version = package.namespace, str(package.version)
    qualifiers: dict[str, str] = {}
    if package.kind.is_of_distribution:
        namespace = namespace or (namespace_of(os) if os else "")
        if package.kind is PackageKind.RPM:
            epoch, colon, rest = version.partition(":")
            if colon:
                qualifiers["epoch"], version = epoch, rest
            qualifiers["rpmmod"] = package.modularity
        qualifiers["arch"] = package.architecture
        qualifiers["distro"] = distro_of(os) if os else ""
        qualifiers["upstream"] = _upstream(package)
    vendor, name = _divided(package)
    qualifiers.update(it for it in package.qualifiers if it[0] not in _NOT_IN_URL)
    url = PackageURL(
        type=package.kind.value,
        namespace=namespace or vendor or None,
        name=name,
        version=version or None,
        qualifiers={key: value for key, value in qualifiers.items() if value},
    )
    return PackageUrl(url.to_string())


def namespace_of(os: OsRelease) -> str:
    """The vendor of an operating system, as package URLs have it."""
    return _NAMESPACES.get(os.id, os.id)


def distro_of(os: OsRelease) -> str:
    """The qualifier `distro` of an operating system's packages: `debian-12`."""
    release = os.version_id or os.version_codename
    return f"{os.id}-{release}" if release else os.id


def _divided(package: Package) -> tuple[str, str]:
    """A whole name as the namespace and the name of a package URL."""
    whole = package.name.strip("/") or _UNNAMED
    if not package.kind.separator:
        return "", whole
    vendor, _, name = whole.rpartition(package.kind.separator)
    return (vendor, name) if name else ("", whole)


def _upstream(package: Package) -> str:
    if not package.source_name and not package.source_version:
        return ""
    name = package.source_name or package.name
    return f"{name}@{package.source_version}" if package.source_version else name
