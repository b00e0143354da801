# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend`: what is handed out, to whom, and for how long."""

from tidegate.cli import vend_catalogue, vend_encrypt, vend_promote, vend_states
from tidegate.cli.click_verb import ClickVerbs

command = ClickVerbs(
    "vend",
    help="Hand images out: find them, promote them, keep them for some, deprecate them, take them back.",
    examples=(
        ("tidegate vend search python", "what there is to build on, and how good it is"),
        ("tidegate vend promote dev/app:1.2 prod/app:1.2 --reason 'release 1.2'", "with all evidence, no bytes moved"),
        ("tidegate vend restrict sha256:4c1… --who group:payments --until 2027-01-31 --reason pilot", "for some"),
        ("tidegate vend deprecate team/app:1.2 --reason 'end of support' --replacement team/app:2", "with a warning"),
        (
            "tidegate vend recall sha256:4c1… --reason 'the build key leaked'",
            "shut at every gate until it is released",
        ),
    ),
    no_args_is_help=True,
)

for _verb in (*vend_catalogue.VERBS, *vend_promote.VERBS, *vend_encrypt.VERBS, *vend_states.VERBS):
    command.add_command(_verb)
