# SPDX-License-Identifier: Apache-2.0
"""Secrets that standards and manuals print as examples, and that are copied into code and documentation ever since.

Only what is to be read there, word for word. A value of a real secret is never among them: they are known to all.
"""

from typing import Final

PUBLISHED: Final = frozenset(
    (
        # RFC 5849, section 1.2 and 3.1: The OAuth 1.0 Protocol.
        *(b"kd94hf93k423kf44", b"pfkkdhi9sl3r4s00", b"nnch734d00sl2jdk", b"hdhd0244k9j7ao03", b"hh5s93j4hdidpola"),
        *(b"dpf43f3p2l4k3l03", b"9djdj82h48djs9d2", b"kkk9d7dh3k39sjv7", b"j49sk3j29djd", b"dh893hdasih9"),
        *(b"ad180jjd733klru7", b"0685bd9184jfhq22", b"wOJIO9A2W5mFwDgiDvZbTSMK%2FPY%3D"),
        # RFC 6749, sections 2.3.1 to 6: The OAuth 2.0 Authorization Framework.
        *(b"7Fjfp0ZBr1KtDRbnfVdmIw", b"czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", b"2YotnFZFEjr1zCsicMWpAA"),
        *(b"tGzv3JOkF0XG5Qx2TlKWIA", b"czZCaGRSa3F0MzpnWDFmQmF0M2JW", b"gX1fBat3bV", b"SplxlOBeZQQYbYS6WxSbIA"),
        # RFC 6750, section 2.1: Bearer Token Usage.
        *(b"mF_9.B5f-4.1JqM",),
        # RFC 7617, section 2: The 'Basic' HTTP Authentication Scheme.
        *(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", b"QWxhZGRpbjpvcGVuIHNlc2FtZQ", b"dGVzdDoxMjPCow=="),
        # RFC 7517, appendix A.2: JSON Web Key.
        *(b"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",),
        # RFC 7515, appendix A.3.1, and RFC 7519: JSON Web Signature and JSON Web Token.
        *(b"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",),
        (
            b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ),
        # The first page of jwt.io, and the first lines of PyJWT.
        (
            b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5"
            b"MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        ),
        b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzb21lIjoicGF5bG9hZCJ9.4twFt5NiznN84AWoo1d7KO1T_yoc0Z6XOpOVswacPZg",
        # systemd.netdev(5) and wg(8).
        *(b"EEGlnEPYJV//kbvvIqxKkQwOiS+UENyPncC4bF46ong=", b"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="),
        # oauthlib and requests-oauthlib, in the comments of each release.
        *(b"lsdkfol23w54jlksdef", b"qwe089234lkjsdf", b"sdf0o9823sjdfsdf", b"2kjshdfp92i34asdasd", b"kjerht2309uf"),
        *(b"lsdajfh923874",),
        # git-credential(1).
        *(b"secr3t",),
    )
)
