"""``daypass token encrypt`` and ``decrypt``: bytes, or claims. Enters: plaintext or token. Leaves: the other one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
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
from daypass.cli.exit_codes import exit_codes
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
from daypass.cli.token_output import print_octets, show_claims
from daypass.cli.token_paseto import (
    AllowLegacy,
    Beside,
    ExpectedFooter,
    Footer,
    Implicit,
    decrypt_paseto,
    decrypt_paseto_claims,
    encrypt_paseto,
    encrypt_paseto_claims,
    refuse_options_of_jose,
    refuse_options_of_paseto,
)
from daypass.limits import TOKEN_BYTES_MAX

if TYPE_CHECKING:
    from daypass.claims import Claims, ClaimsPolicy
    from daypass.jose.jwk import JWK
    from daypass.jose.jwk_set import JWKSet

__all__ = ["decrypt", "encrypt"]

Enc = Annotated[
    str | None,
    typer.Option("--enc", help="Content encryption; without it what the key names, or A256GCM.", show_default=False),
]
Encs = Annotated[
    list[str] | None,
    typer.Option(
        "--enc", help="A content encryption to accept; repeatable; without it any will do.", show_default=False
    ),
]
VerifyKey = Annotated[
    Path | None,
    typer.Option("--verify-key", help="The key of the signature inside a nested token.", show_default=False),
]
VerifyAlgs = Annotated[
    list[str] | None,
    typer.Option("--verify-alg", help="An algorithm of that signature; repeatable.", show_default=False),
]
SignKey = Annotated[
    Path | None,
    typer.Option("--sign-key", help="Sign the claims with this key first: a nested token.", show_default=False),
]
SignAlg = Annotated[str | None, typer.Option("--sign-alg", help="The algorithm of that key.", show_default=False)]
EncryptsClaims = Annotated[bool, typer.Option("--claims", help="Encrypt claims, a JSON object.")]
ShowsClaims = Annotated[bool, typer.Option("--claims", help="The token holds claims: check and show them.")]
AllowZip = Annotated[bool, typer.Option("--allow-zip", help="Take what was compressed.")]
AllowPbes2 = Annotated[bool, typer.Option("--allow-pbes2", help="Take what a password protects.")]
AllowRsa15 = Annotated[bool, typer.Option("--allow-rsa1-5", help="Take RSA1_5, which is broken.")]
AllowUnknownSender = Annotated[
    bool,
    typer.Option("--allow-unknown-sender", help="Take claims that anybody with the public key can have made."),
]
Json = Annotated[bool, typer.Option("--json", help="Write the claims as JSON, on one line.")]


def encrypt(
    file: Input = "-",
    *,
    key: KeyFile = None,
    secret_env: SecretEnv = None,
    password_env: PasswordEnv = None,
    unwrap_with: UnwrapWith = None,
    paseto: PasetoVersion = None,
    alg: Alg = None,
    enc: Enc = None,
    kid: Kid = None,
    footer: Footer = None,
    implicit: Implicit = None,
    allow_legacy: AllowLegacy = False,
    claims: EncryptsClaims = False,
    lifetime: Lifetime = LIFETIME_S,
    no_exp: NoExp = False,
    sign_key: SignKey = None,
    sign_alg: SignAlg = None,
) -> None:
    """Encrypt any bytes, or claims, for the holder of a key, and write the token."""
    from daypass.jose import jwe, jwt

    if sign_key is None and sign_alg is not None:
        raise typer.BadParameter("--sign-alg is the algorithm of a --sign-key, and none is named")
    with exit_codes():
        lifetime_s = lifetime_of(lifetime, no_exp=no_exp, issues_claims=claims or sign_key is not None)
        place = KeyPlace(
            file=key, secret_env=secret_env, password_env=password_env, unwrap_with=unwrap_with, paseto=paseto
        )
        source, beside = read_key(place), Beside(footer=footer, implicit=implicit, allow_legacy=allow_legacy)
        if source.is_paseto:
            refuse_options_of_jose({"--alg": alg, "--enc": enc, "--kid": kid, "--sign-key": sign_key})
            if claims:
                print(encrypt_paseto_claims(source, file, beside, lifetime_s=lifetime_s))
            else:
                print(encrypt_paseto(source, file, beside))
            return
        refuse_options_of_paseto(beside)
        recipient = _recipient(load_keys(source, algs=() if alg is None else (alg,), kid=kid), alg, kid)
        named = alg if recipient.alg is None else None
        if sign_key is not None:
            signer = _signer(sign_key, sign_alg)
            members = read_claims(file)
            print(
                made_with(
                    lambda: jwt.sign_then_encrypt(members, signer, recipient, enc=enc, alg=named, lifetime_s=lifetime_s)
                )
            )
        elif claims:
            members = read_claims(file)
            print(made_with(lambda: jwt.encrypt(members, recipient, enc=enc, alg=named, lifetime_s=lifetime_s)))
        else:
            octets = read_input(file, what="plaintext", bytes_max=TOKEN_BYTES_MAX)
            print(made_with(lambda: jwe.encrypt(octets, recipient, enc=enc or _usual_enc(recipient), alg=named)))


def decrypt(
    file: Input = "-",
    *,
    key: KeyFile = None,
    secret_env: SecretEnv = None,
    password_env: PasswordEnv = None,
    unwrap_with: UnwrapWith = None,
    paseto: PasetoVersion = None,
    alg: Algs = None,
    enc: Encs = None,
    footer: ExpectedFooter = None,
    implicit: Implicit = None,
    claims: ShowsClaims = False,
    verify_key: VerifyKey = None,
    verify_alg: VerifyAlgs = None,
    issuer: Issuer = None,
    audience: Audience = None,
    typ: Typ = None,
    leeway: Leeway = 0,
    required: Required = None,
    no_exp: NoExp = False,
    allow_zip: AllowZip = False,
    allow_pbes2: AllowPbes2 = False,
    allow_rsa1_5: AllowRsa15 = False,
    allow_unknown_sender: AllowUnknownSender = False,
    json: Json = False,
) -> None:
    """Decrypt a token and write its plaintext, or with --claims or --verify-key show its claims."""
    algs = tuple(alg or ())
    if verify_key is None and verify_alg:
        raise typer.BadParameter(
            "--verify-alg is an algorithm of a --verify-key, and none is named: nothing is verified"
        )
    with exit_codes():
        policy = policy_of(issuer=issuer, audience=audience, typ=typ, leeway_s=leeway, required=required, no_exp=no_exp)
        if verify_key is None and not claims:
            demand_no_policy(policy, instead="say --claims, or --verify-key")
        place = KeyPlace(
            file=key, secret_env=secret_env, password_env=password_env, unwrap_with=unwrap_with, paseto=paseto
        )
        source, beside = read_key(place), Beside(footer=footer, implicit=implicit)
        if source.is_paseto:
            refuse_options_of_jose({"--alg": alg, "--enc": enc, "--verify-key": verify_key})
            refuse_options_of_jose({"--allow-zip": allow_zip, "--allow-pbes2": allow_pbes2})
            refuse_options_of_jose({"--allow-rsa1-5": allow_rsa1_5, "--allow-unknown-sender": allow_unknown_sender})
            if claims:
                show_claims(decrypt_paseto_claims(source, file, beside, policy), said="decrypted", as_json=json)
            else:
                print_octets(decrypt_paseto(source, file, beside))
            return
        refuse_options_of_paseto(beside)
        keys = load_keys(source, algs=algs)
        opening = Opening(
            keys=keys,
            algs=None if not algs or getattr(keys, "alg", None) else algs,
            encs=tuple(enc) if enc else None,
            policy=policy,
            allow_zip=allow_zip,
            allow_pbes2=allow_pbes2,
            allow_rsa1_5=allow_rsa1_5,
        )
        if verify_key is not None:
            found = opening.nested(file, verify_key, tuple(verify_alg or ()))
            show_claims(found, said="decrypted and verified", as_json=json)
        elif claims:
            found = opening.claims(read_token(file), allow_unknown_sender=allow_unknown_sender)
            show_claims(found, said="decrypted", as_json=json)
        else:
            print_octets(opening.plaintext(read_token(file)))


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is opened with: keys, and which exceptions are made."""

    keys: JWK | JWKSet
    algs: tuple[str, ...] | None
    encs: tuple[str, ...] | None
    policy: ClaimsPolicy
    allow_zip: bool
    allow_pbes2: bool
    allow_rsa1_5: bool

    def plaintext(self, text: str) -> bytes:
        """Decrypt a JWE in either serialization. Raises TokenError."""
        from daypass.jose import jwe

        decrypt_any = jwe.decrypt_json if text.startswith("{") else jwe.decrypt
        opened = decrypt_any(
            text,
            self.keys,
            algs=self.algs,
            encs=self.encs,
            allow_zip=self.allow_zip,
            allow_pbes2=self.allow_pbes2,
            allow_rsa1_5=self.allow_rsa1_5,
        )
        return opened.plaintext

    def claims(self, text: str, *, allow_unknown_sender: bool) -> Claims:
        """Decrypt a JWT and check its claims. Raises TokenError."""
        from daypass.jose import jwt

        return jwt.decrypt(
            text,
            self.keys,
            policy=self.policy,
            algs=self.algs,
            encs=self.encs,
            allow_unknown_sender=allow_unknown_sender,
            allow_zip=self.allow_zip,
            allow_pbes2=self.allow_pbes2,
            allow_rsa1_5=self.allow_rsa1_5,
        )

    def nested(self, file: str, verify_key: Path, algs: tuple[str, ...]) -> Claims:
        """Decrypt a nested JWT, verify the signature inside, check the claims. Raises TokenError, Stopped."""
        from daypass.jose import jwt

        signed_by = load_keys(read_key(KeyPlace(file=verify_key, option="--verify-key")), algs=algs)
        return jwt.decrypt_then_verify(
            read_token(file),
            self.keys,
            signed_by,
            policy=self.policy,
            algs=algs or None,
            decryption_algs=self.algs,
            encs=self.encs,
            allow_zip=self.allow_zip,
            allow_pbes2=self.allow_pbes2,
            allow_rsa1_5=self.allow_rsa1_5,
        )


def _recipient(keys: JWK | JWKSet, alg: str | None, kid: str | None) -> JWK:
    """The key to encrypt with: a set is asked which of its keys can."""
    from daypass.jose.key_use import encrypting_algorithm

    return one_key(
        keys,
        lambda one: encrypting_algorithm(one, alg if one.alg is None else None),
        kid=kid,
        task="encrypt",
    )


def _signer(file: Path, alg: str | None) -> JWK:
    from daypass.jose.key_use import signing_algorithm

    keys = load_keys(read_key(KeyPlace(file=file, option="--sign-key")), algs=() if alg is None else (alg,))
    return one_key(keys, signing_algorithm, kid=None, task="sign")


def _usual_enc(key: JWK) -> str:
    from daypass.jose.key_use import enc_of

    return enc_of(key) or "A256GCM"
