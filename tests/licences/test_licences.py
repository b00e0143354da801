# SPDX-License-Identifier: Apache-2.0
"""Licences as real packages write them: as expressions, and as classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from tidegate.licences import LicenseClass, class_of, expression_of

PERMISSIVE, WEAK, STRONG = LicenseClass.PERMISSIVE, LicenseClass.WEAK_COPYLEFT, LicenseClass.COPYLEFT
NETWORK = LicenseClass.NETWORK_COPYLEFT


@pytest.mark.parametrize(
    ("statements", "expression", "kind"),
    [
        (("MIT",), "MIT", PERMISSIVE),
        (("mit",), "MIT", PERMISSIVE),
        (("Expat",), "MIT", PERMISSIVE),
        (("The MIT License",), "MIT", PERMISSIVE),
        (("MIT License", "License :: OSI Approved :: MIT License"), "MIT", PERMISSIVE),
        (("BSD-3-Clause", "License :: OSI Approved :: BSD License"), "BSD-3-Clause", PERMISSIVE),
        (("Apache License, Version 2.0",), "Apache-2.0", PERMISSIVE),
        (("The Apache Software License, Version 2.0",), "Apache-2.0", PERMISSIVE),
        (("Apache-2.0 OR MIT",), "Apache-2.0 OR MIT", PERMISSIVE),
        (("(MIT OR Apache-2.0)",), "MIT OR Apache-2.0", PERMISSIVE),
        (("MIT/Apache-2.0",), "MIT OR Apache-2.0", PERMISSIVE),
        (("GPL-2+",), "GPL-2.0-or-later", STRONG),
        (("GPL-2.0-or-later WITH Classpath-exception-2.0",), "GPL-2.0-or-later WITH Classpath-exception-2.0", WEAK),
        (("GPLv2+ and (MIT or BSD)",), "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)", STRONG),
        (("LGPLv2.1+",), "LGPL-2.1-or-later", WEAK),
        (("GPL (>= 2)",), "GPL-2.0-or-later", STRONG),
        (("GPL-2 | GPL-3",), "GPL-2.0-only OR GPL-3.0-only", STRONG),
        (("GPL-2.0",), "GPL-2.0-only", STRONG),
        (("AGPL-3.0-only",), "AGPL-3.0-only", NETWORK),
        (("SSPL-1.0",), "SSPL-1.0", LicenseClass.SOURCE_AVAILABLE),
        (("BUSL-1.1",), "BUSL-1.1", LicenseClass.SOURCE_AVAILABLE),
        (("CC0-1.0",), "CC0-1.0", LicenseClass.PUBLIC_DOMAIN),
        (("Unlicense",), "Unlicense", LicenseClass.PUBLIC_DOMAIN),
        (("MPL-2.0 AND MIT",), "MPL-2.0 AND MIT", WEAK),
        (("EPL-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0",), None, WEAK),
        (("AGPL-3.0-only OR Apache-2.0",), "AGPL-3.0-only OR Apache-2.0", PERMISSIVE),
        (("MIT", "GPL-3.0-only"), "MIT AND GPL-3.0-only", STRONG),
        (("Our own words",), "LicenseRef-Our-own-words", None),
        (("MIT", "Our own words"), "MIT AND LicenseRef-Our-own-words", None),
        (("Our own words", "License :: OSI Approved :: MIT License"), "MIT", PERMISSIVE),
        (("GPL-2+ with OpenSSL exception",), "GPL-2.0-or-later WITH LicenseRef-OpenSSL-exception", STRONG),
        (("GPL-3+ with Bison-exception-2.2",), "GPL-3.0-or-later WITH Bison-exception-2.2", WEAK),
        (("Expat", "BSD-3-clause-Intel"), "MIT AND LicenseRef-BSD-3-clause-Intel", PERMISSIVE),
        (("GPL-1+ or Artistic, and Unicode",), "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND Unicode-DFS-2016", WEAK),
        (("MIT, BSD",), "MIT AND BSD-3-Clause", PERMISSIVE),
        (("GPL-3+-with-Bison-exception",), "GPL-3.0-or-later WITH Bison-exception-2.2", WEAK),
        (("GPL-2+-libtool-exception",), "GPL-2.0-or-later WITH Libtool-exception", WEAK),
        (("GFDL-NIV-1.3+",), "GFDL-1.3-no-invariants-or-later", WEAK),
        (("public-domain-sha1",), "LicenseRef-public-domain-sha1", LicenseClass.PUBLIC_DOMAIN),
        (("public-domain",), "LicenseRef-Public-Domain", LicenseClass.PUBLIC_DOMAIN),
        (("((MIT) AND (BSD-2-Clause AND ISC)) OR Zlib",), "MIT AND BSD-2-Clause AND ISC OR Zlib", PERMISSIVE),
        (("GPL-3.0-only AND Our own words",), None, STRONG),
        (("MIT and Our-own",), "MIT AND LicenseRef-Our-own", None),
        (("MIT or Our-own",), "MIT OR LicenseRef-Our-own", PERMISSIVE),
        (("UNKNOWN",), "", None),
        ((), "", None),
        (("Permission is hereby granted\nfree of charge",), "", None),
        (("x" * 5000,), "", None),
    ],
)
def test_as_packages_write_them(statements: tuple[str, ...], expression: str | None, kind: LicenseClass | None) -> None:
    found = expression_of(statements)
    if expression is not None:
        assert found == expression
    assert class_of(found) == kind


@pytest.mark.property
@given(st.lists(st.text(max_size=80) | st.sampled_from(["MIT", "GPL-2+", "(", ")", "and", "OR", "with", "Apache 2.0"])))
def test_whatever_is_written_an_expression_comes_out_that_can_be_read(statements: list[str]) -> None:
    found = expression_of([*statements, " ".join(statements)])
    if found:
        assert get_spdx_licensing().parse(found, validate=False) is not None
    class_of(found)
    assert expression_of([*statements, " ".join(statements)]) == found


@given(st.sampled_from(list(LicenseClass)), st.sampled_from(list(LicenseClass)))
def test_of_alternatives_the_least_counts_of_both_together_the_most(one: LicenseClass, other: LicenseClass) -> None:
    example = {
        LicenseClass.PUBLIC_DOMAIN: "CC0-1.0",
        PERMISSIVE: "MIT",
        WEAK: "LGPL-2.1-only",
        STRONG: "GPL-3.0-only",
        NETWORK: "AGPL-3.0-only",
        LicenseClass.SOURCE_AVAILABLE: "BUSL-1.1",
    }
    if one in example and other in example:
        low, high = sorted((one, other), key=lambda it: it.rank)
        assert class_of(f"{example[one]} OR {example[other]}") == low
        assert class_of(f"{example[one]} AND {example[other]}") == high
