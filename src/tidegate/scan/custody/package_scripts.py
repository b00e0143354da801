# SPDX-License-Identifier: Apache-2.0
"""What a distribution's own programs make when its packages are installed: in no package's list, and nobody else's.

A table, by the kind of the packages that are there. Only data is believed to be made so: a program or a script under
such a name stays unexplained, but for the maintainers' scripts that dpkg keeps of the packages that are installed.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from tidegate.inventory import Component, PackageKind
from tidegate.inventory.custody import FileNature

_DEB, _APK, _RPM, _ALPM, _OPKG = (
    PackageKind.DEB,
    PackageKind.APK,
    PackageKind.RPM,
    PackageKind.ALPM,
    PackageKind.OPKG,
)
_ALL: Final = frozenset({_DEB, _APK, _RPM, _ALPM, _OPKG})
_DPKG_INFO: Final = "var/lib/dpkg/info"
_MAINTAINERS_SCRIPTS: Final = frozenset({"preinst", "postinst", "prerm", "postrm", "config"})


class Made(NamedTuple):
    """Files made when packages are installed.

    Attributes:
        path: of one file, or with a slash at its end of a folder and all below it; a star at its end stands for any
            rest of the name.
        kinds: of packages one of which must be there.
        reason: what makes them.
    """

    path: str
    kinds: frozenset[PackageKind]
    reason: str


def _rows(reason: str, kinds: Iterable[PackageKind], *paths: str) -> tuple[Made, ...]:
    return tuple(Made(path, frozenset(kinds), reason) for path in paths)


MADE: Final = (
    *_rows("the package manager's own database", {_DEB}, "var/lib/dpkg/", "var/lib/apt/", "var/cache/apt/"),
    *_rows("the package manager's own database", {_DEB}, "usr/lib/sysimage/dpkg/", "var/backups/"),
    *_rows("the package manager's own database", {_APK}, "lib/apk/", "usr/lib/apk/", "var/cache/apk/", "etc/apk/"),
    *_rows("the package manager's own database", {_APK}, "var/lib/apk/"),
    *_rows("the package manager's own database", {_RPM}, "var/lib/rpm/", "usr/lib/sysimage/", "var/lib/dnf/"),
    *_rows("the package manager's own database", {_RPM}, "var/cache/dnf/", "var/cache/yum/", "var/lib/yum/"),
    *_rows("the package manager's own database", {_RPM}, "var/cache/zypp/", "var/lib/zypp/", "usr/share/rpm/"),
    *_rows("the package manager's own database", {_RPM}, "var/cache/libdnf5/", "var/lib/rhsm/", "etc/yum.repos.d/"),
    *_rows("the package manager's own database", {_ALPM}, "var/lib/pacman/", "var/cache/pacman/"),
    *_rows("the package manager's own database", {_OPKG}, "usr/lib/opkg/", "var/lib/opkg/", "var/opkg-lists/"),
    *_rows(
        "where packages come from, written by the installer", {_DEB}, "etc/apt/sources.list", "etc/apt/sources.list.d/"
    ),
    *_rows("where packages come from, written by the installer", {_DEB}, "etc/apt/apt.conf.d/", "etc/dpkg/dpkg.cfg.d/"),
    *_rows("answers of package configuration (debconf)", {_DEB}, "var/cache/debconf/", "var/lib/ucf/"),
    *_rows("alternatives (update-alternatives)", _ALL, "var/lib/alternatives/", "etc/alternatives/"),
    *_rows("cache of shared libraries (ldconfig)", _ALL, "etc/ld.so.cache", "var/cache/ldconfig/"),
    *_rows("accounts (base-passwd, setup, adduser)", _ALL, "etc/passwd*", "etc/group*", "etc/shadow*", "etc/gshadow*"),
    *_rows("accounts (base-passwd, setup, adduser)", _ALL, "etc/subuid*", "etc/subgid*", "etc/.pwd.lock", "etc/shells"),
    *_rows("accounts (base-passwd, setup, adduser)", _ALL, "var/lib/shells.state", "var/cache/pwd/"),
    *_rows("accounts (pam)", _ALL, "etc/security/opasswd", "etc/pam.d/common-*", "var/lib/pam/", "etc/authselect/"),
    *_rows(
        "copied from base-files",
        {_DEB},
        "etc/profile",
        "etc/motd",
        "root/.bashrc",
        "root/.profile",
        "etc/nsswitch.conf",
    ),
    *_rows("copied from base-files", {_DEB}, "etc/environment", "etc/fstab", "etc/inputrc", "etc/issue*"),
    *_rows(
        "what the release is called", {_APK}, "etc/alpine-release", "etc/os-release", "etc/issue", "etc/secfixes.d/"
    ),
    *_rows("this machine's name and resolver", _ALL, "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab"),
    *_rows("this machine's time", _ALL, "etc/localtime", "etc/timezone", "etc/adjtime"),
    *_rows("this machine's number (systemd)", _ALL, "etc/machine-id", "var/lib/dbus/machine-id"),
    *_rows("units switched on (systemd)", _ALL, "var/lib/systemd/", "etc/systemd/system/"),
    *_rows("catalogues made anew (systemd)", _ALL, "usr/lib/udev/hwdb.bin", "etc/udev/hwdb.bin"),
    *_rows(
        "certificates, bundled (ca-certificates)",
        _ALL,
        "etc/ssl/certs/",
        "etc/ca-certificates.conf",
        "etc/pki/ca-trust/",
    ),
    *_rows(
        "certificates, bundled (ca-certificates)", _ALL, "usr/share/pki/ca-trust-source/", "var/lib/ca-certificates/"
    ),
    *_rows("certificates, bundled (ca-certificates)", _ALL, "etc/ca-certificates/", "etc/ssl/cert.pem"),
    *_rows("keys made at installation", {_DEB}, "etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssh/ssh_host_*"),
    *_rows("caches of icons, types and fonts", _ALL, "usr/share/mime/", "usr/share/applications/mimeinfo.cache"),
    *_rows(
        "caches of icons, types and fonts",
        _ALL,
        "var/cache/fontconfig/",
        "usr/share/glib-2.0/schemas/gschemas.compiled",
    ),
    *_rows("caches of icons, types and fonts", _ALL, "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache"),
    *_rows("caches of icons, types and fonts", _ALL, "usr/lib/aarch64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache"),
    *_rows("index of manuals", _ALL, "usr/share/info/dir*", "var/cache/man/", "usr/share/man/mandoc.db"),
    *_rows("locales, compiled", _ALL, "usr/lib/locale/", "etc/default/locale", "etc/locale.gen", "etc/locale.conf"),
    *_rows("what python packages are installed for", {_DEB}, "etc/python3/debian_config", "var/lib/python/"),
    *_rows("dictionaries, joined", {_DEB}, "var/cache/dictionaries-common/", "var/lib/dictionaries-common/"),
    *_rows("dictionaries, joined", {_DEB}, "etc/dictionaries-common/", "usr/share/dict/"),
    *_rows(
        "markup catalogues (sgml-base, xml-core)",
        {_DEB},
        "etc/sgml/",
        "etc/xml/",
        "var/lib/sgml-base/",
        "var/lib/xml-core/",
    ),
    *_rows(
        "keystore of certificates (ca-certificates-java)", _ALL, "etc/ssl/certs/java/cacerts", "etc/default/cacerts"
    ),
    *_rows("modules, indexed (depmod)", _ALL, "lib/modules/", "usr/lib/modules/"),
    *_rows("logs of the installation", _ALL, "var/log/"),
    *_rows("left by busybox's installer", {_APK}, "etc/profile.d/", "etc/network/"),
    *_rows(
        "set up by the installer",
        _ALL,
        "etc/default/",
        "etc/rc0.d/",
        "etc/init.d/.depend.*",
        "etc/.updated",
        "var/.updated",
    ),
    *_rows("set up by the installer", _ALL, "var/lib/misc/", "etc/kernel/", "etc/dconf/", "etc/sysconfig/"),
)
"""What is made, and by what."""


class PackageScripts:
    """What the packages of one image make when they are installed.

    Args:
        components: of the image.
    """

    def __init__(self, components: Iterable[Component]) -> None:
        distribution = [component for component in components if component.kind.is_of_distribution]
        kinds = {component.kind for component in distribution}
        rows = [row for row in MADE if row.kinds & kinds]
        self._debs = {component.name: component for component in distribution if component.kind is _DEB}
        self._exact = {row.path: row for row in rows if row.path[-1] not in "/*"}
        self._folders = {row.path[:-1]: row for row in rows if row.path[-1] == "/"}
        self._beginnings = tuple((row.path[:-1], row) for row in rows if row.path[-1] == "*")
        self._any_beginning = tuple(start for start, _ in self._beginnings)
        self._known: dict[str, Made | None] = {"": None}

    def made(self, path: str, nature: FileNature) -> str:
        """What made a file of data; "" when nothing known did."""
        if nature is not FileNature.DATA:
            return ""
        row = self._exact.get(path) or self._of_folder(path.rpartition("/")[0])
        if row is None and path.startswith(self._any_beginning):
            row = next((it for start, it in self._beginnings if path.startswith(start)), None)
        return row.reason if row else ""

    def maintainer(self, path: str) -> Component | None:
        """The package whose maintainers' script a file is, as dpkg keeps them; None for any other file."""
        folder, _, base = path.rpartition("/")
        if folder != _DPKG_INFO:
            return None
        name, _, suffix = base.rpartition(".")
        return self._debs.get(name.partition(":")[0]) if suffix in _MAINTAINERS_SCRIPTS else None

    def _of_folder(self, folder: str) -> Made | None:
        if folder not in self._known:
            self._known[folder] = self._folders.get(folder) or self._of_folder(folder.rpartition("/")[0])
        return self._known[folder]
