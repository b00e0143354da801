# SPDX-License-Identifier: Apache-2.0
"""Whether signatures are by whom a trust policy asks for: what is asked, what was found, and why it holds or does not.

Import by module: `document` (read a trust policy), `policy` (its values), `reading` (what was found, taken apart),
`judge` (the verdict). `signing` knows how a signature holds; this room knows when that is enough.
"""
