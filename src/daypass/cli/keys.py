"""``daypass keys``: the key ring, beside a running service; and keys for anything else.

Enters: no secret. Leaves: a table, a new key.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daypass.cli.exit_codes import SET_UP, Stopped, exit_codes
from daypass.cli.files import write_all_new
from daypass.cli.key_sources import PasswordEnv, variable
from daypass.cli.options import Data, moment, print_table
from daypass.cli.paseto_keys import paseto_algorithm, spelt_key
from daypass.cli.token_paseto import refuse_options_of_jose
from daypass.encoding import encode_json
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.jose.jwk import JWK
    from daypass.keyring.ring import KeyRing

__all__ = ["group"]

group = typer.Typer(
    help="The key ring: list, rotate, retire. And new keys for anything else: generate.", no_args_is_help=True
)


@group.command("list")
def list_keys(*, data: Data = None) -> None:
    """List the keys, without anything secret. Times are UTC."""
    now_s = time.time()
    rows = [
        (
            entry.kid,
            entry.alg,
            entry.purpose,
            entry.state(now_s),
            moment(entry.sign_from),
            moment(entry.retire_at),
            moment(entry.remove_at),
        )
        for entry in _ring(data).entries()
    ]
    columns = ("KID", "ALG", "PURPOSE", "STATE", "USED FROM", "USED UNTIL", "REMOVED")
    print_table(columns, rows)


@group.command()
def rotate(
    *,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Sign with the new key from now on: for a key that has leaked, then retire it."),
    ] = False,
    data: Data = None,
) -> None:
    """Make a new key. It is published now and signs soon; nobody is logged out."""
    ring = _ring(data)
    kid = ring.rotate(at_once=at_once)
    entry = next(entry for entry in ring.entries() if entry.kid == kid)
    print(f"new key {kid}, signs from {moment(entry.sign_from)} UTC")


# A kid may begin with a hyphen; it is a kid nevertheless.
@group.command(context_settings={"ignore_unknown_options": True})
def retire(
    kid: Annotated[str, typer.Argument(help="The KID of a key that has a successor.", show_default=False)],
    *,
    data: Data = None,
) -> None:
    """Refuse what was made with a key, within about a second: for a key that has leaked."""
    _ring(data).retire(kid)
    print(f"retired {kid}")


@group.command()
def generate(
    *,
    alg: Annotated[
        str, typer.Option("--alg", help="What it is for: EdDSA, ES256, HS256, A256GCM ...; v4.public, v4.local ...")
    ],
    crv: Annotated[
        str | None, typer.Option("--crv", help="The curve, where the algorithm takes several.", show_default=False)
    ] = None,
    bits: Annotated[
        int | None, typer.Option("--bits", help="The size of an RSA or symmetric key.", show_default=False)
    ] = None,
    kid: Annotated[
        str | None,
        typer.Option("--kid", help="Its name; without it the thumbprint, or random.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A new file for the private key, with mode 0600.", show_default=False),
    ] = None,
    public: Annotated[
        Path | None, typer.Option("--public", help="A new file for the public half.", show_default=False)
    ] = None,
    pem: Annotated[bool, typer.Option("--pem", help="Write PEM (PKCS#8, SPKI) instead of a JWK.")] = False,
    password_env: PasswordEnv = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make a key for one algorithm. Without --out the private key goes to the standard output."""
    if (algorithm := paseto_algorithm(alg)) is not None:
        refuse_options_of_jose({"--crv": crv, "--bits": bits, "--kid": kid, "--pem": pem})
        with exit_codes():
            password = None if password_env is None else variable(password_env)
            name, private, half = spelt_key(*algorithm, password)
            if public is not None and half is None:
                raise Stopped(SET_UP, "a local key has no public half: leave out --public")
            _write(name, private, half, out=out, public=public, force=force)
        return
    if password_env is not None and not pem:
        raise typer.BadParameter("a password protects a PEM: say --pem with --password-env")
    from daypass.jose.jwk import JWK

    with exit_codes():
        key = JWK.generate(alg, kid=kid, bits=bits, crv=crv)
        password = None if password_env is None else variable(password_env)
        private = _spelt(key, pem=pem, private=True, password=password)
        half = None if public is None else _spelt(key.public(), pem=pem, private=False)
        _write(str(key.kid), private, half, out=out, public=public, force=force)


def _write(
    name: str, private: bytes, half: bytes | None, *, out: Path | None, public: Path | None, force: bool
) -> None:
    """Write a new key: the private one into its file, or to the standard output; the public half where it is wanted."""
    from daypass.cli.token_output import printable

    texts = [] if public is None or half is None else [(public, half, False)]
    if out is not None:
        write_all_new([(out, private, True), *texts], force=force)
        print(f"new key {printable(name)}")
    else:
        write_all_new(texts, force=force)
        print(private.decode("ascii"), end="")


def _spelt(key: JWK, *, pem: bool, private: bool, password: bytes | None = None) -> bytes:
    """Write a key, as PEM or as a JWK on one line."""
    if pem:
        return key.to_pem(private=private, password=password)
    return encode_json(key.to_dict(private=private)) + b"\n"


def _ring(data: Path | None) -> KeyRing:
    """Open the ring that the service uses, and never a new one."""
    from daypass.keyring.ring import KeyRing
    from daypass.server.settings import KEYS_VARIABLE, read_settings

    settings = read_settings(data=data)
    if settings.keys_from_environment:
        return KeyRing.from_env(KEYS_VARIABLE)
    if not settings.keys.is_file():
        raise ConfigurationError(
            f"there is no key ring {settings.keys}: run `daypass serve` once, or name its folder with --data"
        )
    return KeyRing.open(settings.keys)
