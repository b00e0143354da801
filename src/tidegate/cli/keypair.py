# SPDX-License-Identifier: Apache-2.0
"""`tidegate keypair generate|show|convert`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from tidegate.signing.keys import SigningKey

command = ClickVerbs(
    "keypair",
    help="Make keys to sign with, look at them, and bring them into another form.",
    examples=(
        ("tidegate keypair generate release.key --password-file pass.txt", "release.key and release.pub"),
        ("tidegate keypair generate cosign.key --form cosign --password-file pass.txt", "as cosign generate-key-pair"),
        ("tidegate keypair show release.pub", "its id and how it signs"),
    ),
)
_KINDS = {
    "ecdsa-p256": "ecdsa-p256-sha256",
    "ecdsa-p384": "ecdsa-p384-sha384",
    "ecdsa-p521": "ecdsa-p521-sha512",
    "ed25519": "ed25519",
    "rsa-3072": "rsa-pss-sha256",
}
_FILE = click.Path(path_type=Path)
_form = click.option(
    "--form", type=click.Choice(["pkcs8", "cosign"]), default="pkcs8", show_default=True, help="Form of the file."
)
_password = click.option(
    "--password-file", type=_FILE, metavar="FILE", help="Holds the password it is put under. [none; asked for cosign]"
)


@verb("generate", examples=(("tidegate keypair generate ci.key --kind ed25519", "a key under no password"),))
@click.argument("file", type=_FILE)
@click.option("--kind", type=click.Choice(list(_KINDS)), default="ecdsa-p256", show_default=True, help="Kind of key.")
@_form
@_password
def _generate(call: Call, *, file: Path, kind: str, form: str, password_file: Path | None) -> int:
    """Make a new key: the private half in FILE, for its owner alone, the public one beside it in FILE.pub.

    No file is ever replaced. The key's id goes to standard output.
    """
    from tidegate.signing.keys import SigningKey
    from tidegate.signing.scheme import Scheme

    password = _password_of(form, password_file)
    key = SigningKey.generate(Scheme(_KINDS[kind]))
    _save(call, key, file, form, password)
    return 0


@verb("convert", examples=(("tidegate keypair convert cosign.key:pass.txt release.key", "out of cosign's form"),))
@click.argument("key", metavar="FILE[:PASSWORD_FILE]")
@click.argument("file", type=_FILE)
@_form
@_password
def _convert(call: Call, *, key: str, file: Path, form: str, password_file: Path | None) -> int:
    """Write a private key in another form or under another password; the old file stays as it is."""
    from tidegate.key_file import read_private_key_file
    from tidegate.signing.keys import SigningKey

    data, password, where = read_private_key_file(key)
    found = SigningKey.parse(data, password=password, where=where)
    _save(call, found, file, form, _password_of(form, password_file))
    return 0


@verb("show", examples=(("tidegate keypair show release.key:pass.txt", "the public half of a private key"),))
@click.argument("key", metavar="FILE[:PASSWORD_FILE]")
@output_options("table", "json", "pem")
def _show(call: Call, *, key: str, output: Output) -> int:
    """Show a key's id (sha256 of its SubjectPublicKeyInfo) and how it may sign; never a secret."""
    from tidegate.signing.keys import SigningKey, VerifyingKey

    path = Path(key)
    if path.is_file() and b"PRIVATE" not in path.read_bytes()[: 1 << 15]:
        found = VerifyingKey.load(path)
    else:
        from tidegate.key_file import read_private_key_file

        data, password, where = read_private_key_file(key)
        found = SigningKey.parse(data, password=password, where=where).verifying
    if output.form == "pem":
        output.write_bytes(found.to_pem())
    elif output.form == "json":
        output.write_json({"keyId": found.key_id, "schemes": list(found.schemes), "pem": found.to_pem().decode()})
    else:
        from tidegate.cli.table import write_table

        write_table(call, output, ("key id", "signs as"), [(found.key_id, ", ".join(found.schemes))])
    return 0


for _verb in (_generate, _convert, _show):
    command.add_command(_verb)


def _password_of(form: str, file: Path | None) -> bytes | None:
    from tidegate.key_file import read_key_file

    if file is not None:
        return read_key_file(file, secret=True).rstrip(b"\r\n")
    if form == "cosign":
        remedy = "name --password-file; an empty file for an empty password"
        raise UsageError("cosign keeps keys under a password", where="--form cosign", remedy=remedy)
    return None


def _save(call: Call, key: "SigningKey", file: Path, form: str, password: bytes | None) -> None:
    public = file.with_suffix(".pub")
    if public.exists() or public == file:
        raise UsageError("the public key is already there", where=str(public), remedy="name another file")
    if form == "cosign":
        key.save_for_cosign(file, password=password or b"")
    else:
        key.save(file, password=password)
    try:
        public.write_bytes(key.verifying.to_pem())
    except OSError as error:
        raise OutsideError(f"cannot write the public key: {error.strerror}", where=str(public)) from error
    call.note(f"{file} (private) and {public}")
    click.echo(key.key_id)
