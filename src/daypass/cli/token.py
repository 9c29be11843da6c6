"""``daypass token``: look at tokens, verify, sign, encrypt and decrypt them. Enters: a file, or the standard input.

A token is a credential, a key even more: neither is ever a word of a command, where others could read it. Needs the
extra ``cli`` alone. How a command ends is in exit_codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from daypass.cli.claim_options import (
    LIFETIME_S,
    Audience,
    Issuer,
    Leeway,
    Lifetime,
    NoExp,
    Required,
    Typ,
    demand_no_policy,
    lifetime_of,
    made_with,
    policy_of,
    read_claims,
)
from daypass.cli.exit_codes import REFUSED, Stopped, exit_codes
from daypass.cli.files import Input, read_input, read_token
from daypass.cli.key_sources import (
    Alg,
    Algs,
    KeyFile,
    KeyPlace,
    Kid,
    PasetoVersion,
    PasswordEnv,
    SecretEnv,
    UnwrapWith,
    load_keys,
    one_key,
    read_key,
)
from daypass.cli.token_encryption import decrypt, encrypt
from daypass.cli.token_output import inspection_as_json, print_inspection, print_json, print_octets, show_claims
from daypass.cli.token_paseto import (
    AllowLegacy,
    Beside,
    ExpectedFooter,
    Footer,
    Implicit,
    refuse_options_of_jose,
    refuse_options_of_paseto,
    sign_paseto_claims,
    verify_paseto_claims,
)
from daypass.limits import TOKEN_BYTES_MAX

if TYPE_CHECKING:
    from daypass.jose.jws import VerifiedJWS
    from daypass.jose.key_choice import Keys

__all__ = ["group"]

group = typer.Typer(
    help="Tokens: inspect, verify, sign, encrypt, decrypt.",
    epilog="Exit codes: 0 done; 1 refused; 2 wrong usage; 3 no such key, or an option that cannot be; 4 no such file.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON, on one line.")]


@group.command()
def inspect(
    file: Input = "-",
    *,
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 1 where an error was found.")] = False,
) -> None:
    """Show what a token says, unverified, and what is wrong with it. Needs no key."""
    from daypass.tokens.inspection import inspect_token

    with exit_codes():
        seen = inspect_token(read_token(file))
        if json:
            print_json(inspection_as_json(seen))
        else:
            print_inspection(seen)
        if strict and any(finding.severity == "error" for finding in seen.findings):
            raise Stopped(REFUSED)


@group.command()
def verify(
    file: Input = "-",
    *,
    key: KeyFile = None,
    secret_env: SecretEnv = None,
    password_env: PasswordEnv = None,
    unwrap_with: UnwrapWith = None,
    paseto: PasetoVersion = None,
    alg: Algs = None,
    footer: ExpectedFooter = None,
    implicit: Implicit = None,
    issuer: Issuer = None,
    audience: Audience = None,
    typ: Typ = None,
    leeway: Leeway = 0,
    required: Required = None,
    no_exp: NoExp = False,
    jws: Annotated[
        bool, typer.Option("--jws", help="Verify any JWS, also in JSON serialization, and write its payload.")
    ] = False,
    json: Json = False,
) -> None:
    """Verify a signed token and show its claims. The key says whether it is a JWT or a PASETO."""
    from daypass.jose import jwt

    algs = tuple(alg or ())
    with exit_codes():
        policy = policy_of(issuer=issuer, audience=audience, typ=typ, leeway_s=leeway, required=required, no_exp=no_exp)
        if jws:
            demand_no_policy(policy, instead="leave out --jws")
        source = read_key(
            KeyPlace(file=key, secret_env=secret_env, password_env=password_env, unwrap_with=unwrap_with, paseto=paseto)
        )
        beside = Beside(footer=footer, implicit=implicit)
        if source.is_paseto:
            refuse_options_of_jose({"--alg": alg, "--jws": jws})
            show_claims(verify_paseto_claims(source, file, beside, policy), said="verified", as_json=json)
            return
        refuse_options_of_paseto(beside)
        keys = load_keys(source, algs=algs)
        text = read_token(file)
        if jws:
            _print_payload(_verify_jws(text, keys, algs), json=json)
            return
        show_claims(jwt.verify(text, keys, policy=policy, algs=algs or None), said="verified", as_json=json)


@group.command()
def sign(
    file: Input = "-",
    *,
    key: KeyFile = None,
    secret_env: SecretEnv = None,
    password_env: PasswordEnv = None,
    unwrap_with: UnwrapWith = None,
    paseto: PasetoVersion = None,
    alg: Alg = None,
    kid: Kid = None,
    footer: Footer = None,
    implicit: Implicit = None,
    allow_legacy: AllowLegacy = False,
    lifetime: Lifetime = LIFETIME_S,
    no_exp: NoExp = False,
    header_typ: Annotated[
        str | None,
        typer.Option("--header-typ", help="The kind of token, at+jwt say; without it JWT, or none with --jws."),
    ] = None,
    jws: Annotated[bool, typer.Option("--jws", help="Sign any bytes instead of claims.")] = False,
) -> None:
    """Sign claims, a JSON object, and write the token: a JWT, or with a key of PASETO one of its version."""
    from daypass.jose import jws as any_jws
    from daypass.jose import jwt
    from daypass.jose.key_use import signing_algorithm

    with exit_codes():
        lifetime_s = lifetime_of(lifetime, no_exp=no_exp, issues_claims=not jws)
        source = read_key(
            KeyPlace(file=key, secret_env=secret_env, password_env=password_env, unwrap_with=unwrap_with, paseto=paseto)
        )
        beside = Beside(footer=footer, implicit=implicit, allow_legacy=allow_legacy)
        if source.is_paseto:
            refuse_options_of_jose({"--alg": alg, "--kid": kid, "--header-typ": header_typ, "--jws": jws})
            print(sign_paseto_claims(source, file, beside, lifetime_s=lifetime_s))
            return
        refuse_options_of_paseto(beside)
        loaded = load_keys(source, algs=() if alg is None else (alg,), kid=kid)
        chosen = one_key(loaded, signing_algorithm, kid=kid, task="sign")
        header = None if header_typ is None else {"typ": header_typ}
        if jws:
            payload = read_input(file, what="payload", bytes_max=TOKEN_BYTES_MAX)
            print(made_with(lambda: any_jws.sign(payload, chosen, header=header)))
            return
        members = read_claims(file)
        print(made_with(lambda: jwt.sign(members, chosen, lifetime_s=lifetime_s, header=header)))


group.command()(encrypt)
group.command()(decrypt)


def _verify_jws(text: str, keys: Keys, algs: tuple[str, ...]) -> VerifiedJWS:
    """Verify a JWS in either serialization. Raises TokenError."""
    from daypass.jose import jws

    if text.startswith("{"):
        return jws.verify_json(text, keys, algs=algs or None)
    return jws.verify(text, keys, algs=algs or None)


def _print_payload(verified: VerifiedJWS, *, json: bool) -> None:
    """Write a payload as it is, or as JSON with the header that was signed with it."""
    from daypass.encoding import b64url_encode

    if not json:
        print_octets(verified.payload)
        return
    shown: dict[str, Any] = {"header": verified.header, "payload_base64url": b64url_encode(verified.payload)}
    print_json(shown)
