"""Keys for the token commands. Enters: the name of a file, or of an environment variable. Leaves: what it holds.

The kind of a file is told by its content: ``read_key`` says whether it is a key of PASETO (``paseto_keys`` loads those)
or of JOSE (``load_keys`` does). A key or a secret is never a word of a command: others see those.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from daypass.cli.exit_codes import SET_UP, Stopped
from daypass.cli.files import read_key_file
from daypass.concealed import Concealed
from daypass.encoding import decode_object
from daypass.errors import ConfigurationError, KeyFormatError, WeakKey

if TYPE_CHECKING:
    from daypass.jose.jwk import JWK
    from daypass.jose.jwk_set import JWKSet

__all__ = [
    "Alg",
    "Algs",
    "KeyFile",
    "KeyPlace",
    "KeyText",
    "Kid",
    "PasetoVersion",
    "PasswordEnv",
    "SecretEnv",
    "UnwrapWith",
    "load_keys",
    "one_key",
    "read_key",
    "variable",
]

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", help="The file of the key: JWK, JWK Set, PASERK, PEM, DER, PKCS #12, certificate or OpenSSH key."
    ),
]
SecretEnv = Annotated[
    str | None, typer.Option("--secret-env", metavar="NAME", help="The environment variable that holds the secret.")
]
PasswordEnv = Annotated[
    str | None,
    typer.Option("--password-env", metavar="NAME", help="The environment variable with the password of the key."),
]
UnwrapWith = Annotated[
    Path | None,
    typer.Option(
        "--unwrap-with",
        help="The file of the key that a PASERK is wrapped under, or was sealed for.",
        show_default=False,
    ),
]
PasetoVersion = Annotated[
    str | None,
    typer.Option(
        "--paseto", metavar="VERSION", help="v1 to v4: the version of PASETO that a PEM is for.", show_default=False
    ),
]
Kid = Annotated[str | None, typer.Option("--kid", help="Which key of a set; or the name of a key that has none.")]
Alg = Annotated[str | None, typer.Option("--alg", help="The algorithm, where the key does not name it.")]
Algs = Annotated[
    list[str] | None, typer.Option("--alg", help="An algorithm to accept, where the key does not name it; repeatable.")
]

_SSH: Final = (b"ssh-", b"ecdsa-", b"sk-")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_PASERK: Final = re.compile(rb"k\d{1,2}\.[a-z]")


class KeyPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a key is to be had.

    Args:
        file: its file; or None.
        secret_env: the variable with its bytes; or None.
        password_env: the variable with the password of an encrypted file; or None.
        option: how the file is named on the command line.
        unwrap_with: the file of the key that this one is wrapped under, or was sealed for; or None.
        paseto: the version of PASETO that a PEM is for, ``v4``; or None.
    """

    file: Path | None = None
    secret_env: str | None = None
    password_env: str | None = None
    option: str = "--key"
    unwrap_with: Path | None = None
    paseto: str | None = None


class KeyText(msgspec.Struct, frozen=True, kw_only=True):
    """What a place holds, read and not yet understood.

    Args:
        place: where it was.
        octets: the bytes, concealed.
        paserk: the text, concealed, where it begins like a PASERK; or None.
    """

    place: KeyPlace
    octets: Concealed
    paserk: Concealed | None

    @property
    def is_paseto(self) -> bool:
        """Whether it is a key of PASETO: its text says so, or its owner."""
        return self.paserk is not None or self.place.paseto is not None

    @property
    def password(self) -> bytes | None:
        """What opens it, or the key that it is wrapped under. Raises Stopped: there is no such variable."""
        return None if self.place.password_env is None else variable(self.place.password_env)


def read_key(place: KeyPlace) -> KeyText:
    """Read what a place holds.

    Raises:
        typer.BadParameter: neither a file nor a variable is named, or both; or an option of PASETO without its key.
        Stopped: it cannot be read.
    """
    if (place.file is None) == (place.secret_env is None):
        raise typer.BadParameter(f"name one key: {place.option} FILE, or --secret-env NAME for a secret")
    octets = Concealed(read_key_file(place.file) if place.file is not None else variable(place.secret_env or ""))
    bare = Concealed(octets.value.lstrip(_BLANK).rstrip())
    paserk = Concealed(bare.value.decode("utf-8", "replace")) if _PASERK.match(bare.value) else None
    if place.unwrap_with is not None and paserk is None:
        raise typer.BadParameter("--unwrap-with is for a PASERK that is wrapped or sealed, and this key is none")
    return KeyText(place=place, octets=octets, paserk=paserk)


def load_keys(text: KeyText, *, algs: Sequence[str] = (), kid: str | None = None) -> JWK | JWKSet:
    """Load keys of JOSE.

    Args:
        text: what a file or a variable holds.
        algs: algorithms for a key that names none: one binds it, of several it must be able to do one.
        kid: the name of a single key that has none.

    Raises:
        Stopped: it names no algorithm and nobody else does, or is a key of PASETO.
        KeyFormatError, WeakKey: it is no key, or none for these algorithms.
    """
    from daypass.jose.jwk import JWK

    if text.is_paseto:
        raise Stopped(SET_UP, f"{text.place.option} takes a key of JOSE here, and this is one of PASETO")
    data = text.octets.value
    if text.place.secret_env is not None:
        return _bound(lambda alg: JWK.from_secret(data, alg=alg, kid=kid), algs)
    bare = data.lstrip(_BLANK)
    if bare.startswith(b"{"):
        return _from_json(bare, algs, kid)
    password = text.password
    if bare.startswith(_SSH):
        return _bound(lambda alg: JWK.from_ssh(bare, alg=alg, kid=kid), algs)
    if b"-----BEGIN CERTIFICATE-----" in bare:
        return _bound(lambda alg: JWK.from_x509(data, alg=alg, kid=kid), algs)
    if b"-----BEGIN" in bare:
        return _bound(lambda alg: JWK.from_pem(data, alg=alg, password=password, kid=kid), algs)
    if data.startswith(b"\x30"):
        return _bound(lambda alg: _from_der(data, alg, password, kid), algs)
    raise Stopped(
        SET_UP,
        "this file holds no JWK, JWK Set, PASERK, PEM, DER, PKCS #12, certificate or OpenSSH public key; a secret text"
        " is given by --secret-env NAME, or as a JWK",
    )


def one_key(keys: JWK | JWKSet, suits: Callable[[JWK], object], *, kid: str | None, task: str) -> JWK:
    """Choose the key that makes a token: the only one of a set that can, or the one that is named.

    Args:
        keys: what was loaded.
        suits: raises ConfigurationError for a key that cannot do the task.
        kid: the name of a key of a set; or None.
        task: ``sign``, for messages.

    Raises:
        Stopped: there is none, or several would do.
        ConfigurationError: a single key cannot do it.
    """
    from daypass.jose.jwk import JWK

    if isinstance(keys, JWK):
        if kid not in (None, keys.kid):
            raise Stopped(SET_UP, "the key has another name than --kid says")
        suits(keys)
        return keys
    fitting = []
    for key in keys.find(kid=kid):
        try:
            suits(key)
        except (ConfigurationError, KeyFormatError, WeakKey):
            continue
        fitting.append(key)
    if len(fitting) == 1:
        return fitting[0]
    hint = ": name one with --kid" if fitting else ""
    raise Stopped(SET_UP, f"{len(fitting) or 'no'} {'keys' if fitting else 'key'} of this set can {task}{hint}")


def _from_json(data: bytes, algs: Sequence[str], kid: str | None) -> JWK | JWKSet:
    from daypass.jose.jwk import JWK
    from daypass.jose.jwk_set import JWKSet
    from daypass.jose.key_use import management_of

    try:
        members = decode_object(data)
    except (ValueError, RecursionError):
        members = {}  # the loader says what is wrong
    if "keys" in members:
        return JWKSet.from_json(data)
    alg = algs[0] if len(algs) == 1 and "alg" not in members else None
    key = JWK.from_json(data, alg=alg)
    if key.alg is None and not algs:
        raise Stopped(SET_UP, "the JWK names no alg: say --alg")
    if key.alg is not None and algs and not {key.alg, management_of(key)} & {*algs}:
        raise Stopped(SET_UP, "the JWK names another alg than --alg")
    if key.kid is None and kid is not None:
        key = JWK.from_dict({**members, "kid": kid}, alg=alg)
    return key


def _from_der(data: bytes, alg: str, password: bytes | None, kid: str | None) -> JWK:
    from daypass.jose.der import is_pkcs12
    from daypass.jose.jwk import JWK

    if is_pkcs12(data):
        return JWK.from_pkcs12(data, alg=alg, password=password, kid=kid)
    try:
        return JWK.from_x509(data, alg=alg, kid=kid)
    except KeyFormatError:
        pass
    return JWK.from_der(data, alg=alg, password=password, kid=kid)


def _bound(load: Callable[[str], JWK], algs: Sequence[str]) -> JWK:
    """Load a key whose text does not say what it is for: bound to one algorithm, or to none where several may be."""
    from daypass.jose.jwk import JWK

    if not algs:
        raise Stopped(SET_UP, "such a key does not say its algorithm: say --alg (RS256, ES256, EdDSA, HS256, ...)")
    problem: KeyFormatError | WeakKey | None = None
    for alg in algs:
        try:
            key = load(alg)
        except (KeyFormatError, WeakKey) as error:
            problem = problem or error
            continue
        if len(algs) == 1:
            return key
        members = key.to_dict(private=key.is_private)
        return JWK.from_dict({name: value for name, value in members.items() if name != "alg"})
    assert problem is not None
    raise problem


def variable(name: str) -> bytes:
    """The bytes of an environment variable. Its name may be a secret that was mistaken for one: it is not repeated."""
    if name not in os.environ:
        raise Stopped(SET_UP, "there is no environment variable of that name: its name is given, never its value")
    return os.fsencode(os.environ[name])
