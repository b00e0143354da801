# SPDX-License-Identifier: Apache-2.0
"""JSON with comments and trailing commas, as plain JSON."""

import re
from typing import Final

# Texts are taken whole, so that nothing inside them looks like a comment or a comma. What is not closed goes to the
# end, or every quote in it would be tried anew.
_PARTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|,(?=\s*+[}\]])', re.DOTALL)


def plain_json(content: bytes) -> bytes:
    """Takes out comments and commas before a closing bracket; one that a comment follows stays, and is an error."""
    return _PARTS.sub(lambda found: found[0] if found[0][:1] == b'"' else b"", content)
