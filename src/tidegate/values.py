# SPDX-License-Identifier: Apache-2.0
"""What values are made of: frozen msgspec structs (docs/decisions/0005), and copies of them with changes."""

import sys
from typing import Any

# msgspec asks typing_extensions for what typing has itself from Python 3.11 on, and importing it costs a sixth of a
# warm scan. An entry of None says "not installed" to that one import; it is taken away again for everybody else.
_EXTENSIONS = "typing_extensions"
_modules: dict[str, Any] = sys.modules
if _hidden := _EXTENSIONS not in _modules:
    _modules[_EXTENSIONS] = None
try:
    import msgspec
    from msgspec import Struct, field
    from msgspec.structs import replace
finally:
    if _hidden:
        del _modules[_EXTENSIONS]

__all__ = ["Struct", "field", "msgspec", "replace"]
