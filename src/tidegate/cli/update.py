# SPDX-License-Identifier: Apache-2.0
"""`tidegate update`: newer admitted images for what runs, as changes of files, branches and rollouts."""

from tidegate.cli.click_verb import ClickVerbs
from tidegate.cli.update_apply import apply
from tidegate.cli.update_branch import branch
from tidegate.cli.update_propose import propose
from tidegate.cli.update_record import approve, listing, refuse, show

command = ClickVerbs(
    "update",
    help="Find newer admitted images of the same line for what runs, and bring them there.",
    examples=(
        ("tidegate update list", "what was found for what runs"),
        ("tidegate update propose manifests/ > update.patch", "what files name, as a patch"),
        ("tidegate update propose manifests/ --write", "the same, written into them"),
        ("tidegate update branch gitops.git --under clusters/prod", "the same, as branches of a repository"),
        ("tidegate update apply 3f2a…", "one rolled out, watched, and put back where it is not healthy"),
    ),
    no_args_is_help=True,
)

for _verb in (listing, show, propose, branch, apply, approve, refuse):
    command.add_command(_verb)
