# SPDX-License-Identifier: Apache-2.0
"""The licences most packages have, with their classes, so that an ordinary image needs no more than this table.

All others are in the public index (`tidegate.licences.index`); a test compares what both say.
"""

from collections.abc import Mapping
from typing import Final

from tidegate.licences.license_class import LicenseClass

FREQUENT: Final[Mapping[LicenseClass, str]] = {
    LicenseClass.PUBLIC_DOMAIN: ("CC0-1.0 FSFUL Unlicense WTFPL"),
    LicenseClass.PERMISSIVE: (
        "0BSD AFL-2.0 AFL-2.1 AFL-3.0 Apache-1.0 Apache-1.1 Apache-2.0 Beerware BlueOak-1.0.0 BSD-1-Clause "
        "BSD-2-Clause BSD-2-Clause-Views BSD-3-Clause BSD-3-Clause-Attribution BSD-4-Clause BSD-4-Clause-UC "
        "BSD-Source-Code BSL-1.0 bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 curl ECL-2.0 EFL-2.0 FSFAP FSFULLR FTL HPND "
        "HPND-sell-variant ICU IJG ImageMagick ISC JSON Libpng libtiff MIT MIT-0 MIT-advertising MIT-CMU MS-PL "
        "NCSA OFL-1.0 OLDAP-2.8 OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 RSA-MD SGI-B-2.0 SMLNJ Spencer-94 "
        "TCL Unicode-3.0 Unicode-DFS-2016 UPL-1.0 W3C X11 XFree86-1.1 Xnet Zlib zlib-acknowledgement ZPL-2.0 "
        "ZPL-2.1"
    ),
    LicenseClass.WEAK_COPYLEFT: (
        "Artistic-1.0 Artistic-1.0-Perl Artistic-2.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CPL-1.0 EPL-1.0 "
        "EPL-2.0 EUPL-1.1 GFDL-1.1-or-later GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3-no-invariants-only "
        "GFDL-1.3-no-invariants-or-later GFDL-1.3-only GFDL-1.3-or-later LGPL-2.0-only LGPL-2.0-or-later "
        "LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MPL-1.0 MPL-1.1 MPL-2.0 MS-RL OFL-1.1 "
        "QPL-1.0 Ruby SISSL"
    ),
    LicenseClass.COPYLEFT: (
        "GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later LPPL-1.3c "
        "Sleepycat Vim"
    ),
    LicenseClass.NETWORK_COPYLEFT: ("AGPL-3.0-only AGPL-3.0-or-later APSL-2.0 EUPL-1.2 OSL-3.0 RPL-1.5"),
    LicenseClass.SOURCE_AVAILABLE: ("BUSL-1.1 Elastic-2.0 SSPL-1.0"),
}

EXCEPTIONS: Final[Mapping[str, LicenseClass]] = {
    name.lower(): kind
    for kind, names in {
        LicenseClass.PERMISSIVE: "LLVM-exception",
        LicenseClass.WEAK_COPYLEFT: (
            "Autoconf-exception-2.0 Autoconf-exception-3.0 Bison-exception-2.2 Classpath-exception-2.0 "
            "Font-exception-2.0 GCC-exception-2.0 GCC-exception-3.1 Libtool-exception Linux-syscall-note"
        ),
    }.items()
    for name in names.split()
}
"""What is left of a licence under an exception, by the exception's id in lower case."""
