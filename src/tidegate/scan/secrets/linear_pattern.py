# SPDX-License-Identifier: Apache-2.0
"""An expression of somebody who is not trusted: looked for in time that grows with the text alone.

Python's own expressions may be written so that they never end; those of gitleaks (RE2) cannot, so neither may they
here.
"""

from tidegate.errors import InvalidInputError
from tidegate.scan.secrets.database import Database, Expression, expression_fits
from tidegate.scan.secrets.go_regex import MAX_CHARS


class LinearPattern:
    """Tells whether an expression of RE2 is in a text.

    Raises:
        InvalidInputError: it says something that the automaton cannot say.
    """

    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_CHARS:
            raise InvalidInputError(f"an expression of more than {MAX_CHARS} characters")
        text = expression.replace(r"\A", "^")
        if trouble := expression_fits(text, once=True):
            raise InvalidInputError(f"not an expression that can be read: {trouble}")
        self.pattern = expression
        self._database = Database([Expression(number=0, text=text.encode(), once=True)])

    def __repr__(self) -> str:
        """The expression, for the version of what searches by it."""
        return f"{type(self).__name__}({self.pattern!r})"

    def search(self, text: bytes) -> bool:
        """Whether it is there."""
        return bool(self._database.hits(text, 0))
