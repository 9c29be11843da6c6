"""``daypass keys``: the key ring, beside a running service; and keys for anything else.

Enters: no secret. Leaves: a table, a new key.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daypass.cli.exit_codes import SET_UP, Stopped, exit_codes
from daypass.cli.files import write_all_new
from daypass.cli.key_sources import PasswordEnv, variable
from daypass.cli.options import TAKES_HYPHENS, Data, moment, print_table
from daypass.cli.paseto_keys import paseto_algorithm, spelt_key
from daypass.cli.places import Store, existing_store, store_place
from daypass.cli.timeline import timeline
from daypass.cli.token_paseto import refuse_options_of_jose
from daypass.concealed import Concealed
from daypass.encoding import encode_json
from daypass.errors import ConfigurationError

if TYPE_CHECKING:
    from daypass.jose.jwk import JWK
    from daypass.keyring.ring import KeyRing

__all__ = ["group"]

group = typer.Typer(
    help="The key ring: list, rotate, retire, rewrap. And new keys for anything else: generate.", no_args_is_help=True
)


File = Annotated[
    Path | None, typer.Option("--file", help="A ring in a file, as KeyRing.open makes it.", show_default=False)
]


@group.command("list")
def list_keys(*, file: File = None, store: Store = None, data: Data = None) -> None:
    """List the keys, without anything secret, and draw when each is used. Times are UTC."""
    with _ring(file, store, data) as ring:
        now_s, entries = time.time(), ring.entries()
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
        for entry in entries
    ]
    columns = ("KID", "ALG", "PURPOSE", "STATE", "USED FROM", "USED UNTIL", "REMOVED")
    print_table(columns, rows)
    head, *drawn, meaning = timeline(entries, now_s=now_s)
    print()
    print_table(
        ("ALG", "KID", head),
        [
            (entry.alg, entry.kid.rpartition(".")[2][:8], line)  # of PASETO they all begin with k4.pid.
            for entry, line in zip(entries, drawn, strict=True)
        ],
    )
    print(meaning)


@group.command()
def rotate(
    *,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Sign with the new key from now on: for a key that has leaked, then retire it."),
    ] = False,
    alg: Annotated[
        str | None,
        typer.Option(
            help="Of the new key: EdDSA, ES256, A256GCM, v4.public ...; one of another kind goes on beside the others."
            " Without it every kind in use gets a successor.",
            show_default=False,
        ),
    ] = None,
    replaces_all: Annotated[
        bool,
        typer.Option("--replaces-all", help="With --alg: the last step of a change of format, no other kind goes on."),
    ] = False,
    file: File = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Make a new key. It is published now and signs soon; nobody is logged out."""
    with _ring(file, store, data) as ring:
        kid = ring.rotate(at_once=at_once, alg=alg, replaces_all=replaces_all)
        entry = next(entry for entry in ring.entries() if entry.kid == kid)
    print(f"new key {kid}, signs from {moment(entry.sign_from)} UTC")


@group.command(context_settings=TAKES_HYPHENS)
def retire(
    kid: Annotated[str, typer.Argument(help="The KID of a key that has a successor.", show_default=False)],
    *,
    file: File = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Refuse what was made with a key, in all processes within about two seconds: for a key that has leaked."""
    from daypass.keyring.reading import POLL_S

    with _ring(file, store, data) as ring:
        ring.retire(kid)
    print(f"retired {kid}")
    if sys.stdout.isatty():  # for a person: a script reads the line above
        print(f"processes that run refuse it within about {2 * POLL_S:g} s, those that start from their first request;")
        print("one that cannot reach the ring goes on with it until it can")


@group.command()
def rewrap(*, store: Store = None) -> None:
    """Wrap a ring that a store keeps under the first of the master keys in DAYPASS_MASTER_KEY."""
    with _ring(None, store, None) as ring:
        if ring.path is not None:
            raise ConfigurationError(f"the key ring {ring.path} is a file of its own: no master key wraps it")
        ring.rewrap()
    print("wrapped under the first master key; the others may be left out when all nodes have it")


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


@contextmanager
def _ring(file: Path | None, store: str | None, data: Path | None) -> Iterator[KeyRing]:
    """Open the ring that is meant, and never a new one."""
    from daypass.keyring.ring import KeyRing

    if file is not None and (store or data is not None):
        raise ConfigurationError("--file names a ring, --store and --data another one: give one")
    place = store_place(store, data) if file is None else None
    del store
    if place is not None:
        with _ring_of_store(place) as ring:
            yield ring
        return
    if file is not None:
        path = file
    else:
        from daypass.server.settings import KEYS_VARIABLE, read_settings

        settings = read_settings(data=data)
        if settings.keys_from_environment:
            yield KeyRing.from_env(KEYS_VARIABLE)
            return
        path = settings.keys
    if not path.is_file():
        raise ConfigurationError(
            f"there is no key ring {path}: run `daypass serve` once, or name its folder (--data) or its file (--file)"
        )
    yield KeyRing.open(path)


@contextmanager
def _ring_of_store(place: Concealed) -> Iterator[KeyRing]:
    """Open the ring beside a SQLite file, or the one that a store keeps under a master key."""
    from daypass.keyring.master_key import master_key_from_env
    from daypass.keyring.ring import KeyRing
    from daypass.sessions.opening import ring_path
    from daypass.stores.opening import sqlite_path

    if place.value.startswith("sqlite:") and (path := ring_path(sqlite_path(place.value))).is_file():
        yield KeyRing.open(path)
        return
    with existing_store(place) as opened:
        if not hasattr(opened, "ring_storage"):
            raise ConfigurationError("memcached keeps no key ring: name its file with --file")
        with KeyRing.from_storage(opened.ring_storage(), master_key=master_key_from_env(), may_create=False) as ring:
            yield ring
