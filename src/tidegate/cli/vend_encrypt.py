# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend encrypt`: an encrypted copy of an admitted image for named consumers."""

from typing import Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options


@verb(
    "encrypt",
    examples=(
        ("tidegate vend encrypt team/app:1 edge/app:1 --for robot$edge", "for one whose key is registered"),
        ("tidegate vend encrypt team/app:1 sealed/app:1", "for nobody yet: keys are released to who may pull it"),
    ),
)
@click.argument("image")
@click.argument("target")
@click.option("--for", "consumers", multiple=True, metavar="NAME", help="A registered recipient; may be repeated.")
@output_options("table", "json")
def _encrypt(call: Call, *, image: str, target: str, consumers: tuple[str, ...], output: Output) -> int:
    """Make an encrypted copy of an admitted IMAGE (repository:tag or repository@digest) at TARGET (repository:tag).

    The copy has another digest, is as good as the image from then on, and is recalled with it. The server's own key is
    a recipient too, so that keys can be released later (see tidegate recipient).
    """
    from tidegate.assembly.encryption import open_encryption
    from tidegate.assembly.keeping import local_user
    from tidegate.curation.consumer import Consumer
    from tidegate.curation.encryption.encrypting import copy_wish

    wish = copy_wish(image, target, consumers)
    with open_encryption(call.settings()) as encryption:
        made = encryption.encrypting.make(wish, Consumer(name=local_user()))
    if output.form == "json":
        output.write_json(made)
    else:
        output.write_text(f"{made.encrypted} is {made.plain} encrypted, at {target}\n")
    return 0


VERBS: Final = (_encrypt,)
