# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend encrypt|copying`: an encrypted copy of an admitted image for named consumers, and how far it is."""

from typing import TYPE_CHECKING, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.curation.encryption.copy_job import CopyJob

_REFUSED: Final = 1
_LOOK_EVERY_SECONDS: Final = 0.5


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
    a recipient too, so that keys can be released later (see tidegate recipient). Broken off, the same command goes on
    with the layers that are left. Keys of an image that a consumer may not have now are not in the copy for it.
    """
    from tidegate.assembly.encryption import open_encryption
    from tidegate.assembly.keeping import local_user
    from tidegate.cli.progress import ProgressLine
    from tidegate.curation.consumer import Consumer
    from tidegate.curation.encryption.copy_wish import copy_wish

    wish = copy_wish(image, target, consumers)
    with open_encryption(call.settings()) as encryption, ProgressLine(shown=call.shows_progress) as line:
        job = encryption.encrypting.ask(wish, Consumer(name=local_user()))
        made = encryption.encrypting.carry_out(job.id, lambda done, total: line.tell(_far("encrypting", done, total)))
    if output.form == "json":
        output.write_json(made)
        return 0
    text = f"{made.encrypted} is {made.plain} encrypted, at {target}\n"
    for one in made.withheld:
        text += (
            printable(f"not for {one.consumer}: {one.image}: {one.why}; its keys are released when that ends") + "\n"
        )
    output.write_text(text)
    return 0


@verb(
    "copying",
    examples=(
        ("tidegate vend copying", "encrypted copies that were asked for, and how far they are"),
        ("tidegate vend copying 8f0c… --wait", "until it is done"),
    ),
)
@click.argument("number", required=False, default="")
@click.option("--wait", is_flag=True, help="Wait until it is done or failed.")
@output_options("table", "json")
def _copying(call: Call, *, number: str, wait: bool, output: Output) -> int:
    """Tell how far encrypted copies are: all that were asked for, or the one of this NUMBER.

    Exit status 1 when the one asked about failed.
    """
    import time

    from tidegate.assembly.keeping import open_keeping
    from tidegate.cli.progress import ProgressLine
    from tidegate.curation.encryption.copy_job import JobState, find_job, list_jobs

    with open_keeping(call.settings()) as keeping:
        database = keeping.database
        if not number:
            with database.read() as connection:
                jobs = list(list_jobs(connection))
        else:
            with ProgressLine(shown=call.shows_progress) as line:
                while True:
                    with database.read() as connection:
                        job = find_job(connection, number)
                    if not wait or job.state is not JobState.ASKED:
                        break
                    line.tell(_far("encrypting", job.done_bytes, job.total_bytes))
                    time.sleep(_LOOK_EVERY_SECONDS)
            jobs = [job]
    if output.form == "json":
        output.write_json(jobs)
    else:
        output.write_text("".join(printable(_told(one)) + "\n" for one in jobs))
    return _REFUSED if number and jobs[0].state is JobState.FAILED else 0


def _told(job: "CopyJob") -> str:
    said = job.problem or job.encrypted or _far("", job.done_bytes, job.total_bytes)
    return f"{job.id}  {job.state}  {job.source} → {job.target}  {said.strip()}"


def _far(what: str, done: int, total: int) -> str:
    return f"{what} {done >> 20} of {total >> 20} MiB"


VERBS: Final = (_encrypt, _copying)
