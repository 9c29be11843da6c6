"""JWK: one key that knows what it may do. Enters: a secret, PEM, DER, a certificate, JSON. Leaves: a key for one task.

All checking happens when a key is loaded; key_use says what it is used for, with functions prepared once per key.
A JWK shows nothing of its material: not in ``repr``, not to pickle, not to an encoder of JSON.
Source: RFC 7517 4; RFC 7518 6; RFC 7638; RFC 9278.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal, NoReturn

from daypass.concealed import Concealed
from daypass.encoding import b64url_encode, encode_json
from daypass.errors import ConfigurationError, KeyFormatError
from daypass.jose.certificate import certificate_thumbprint, chain_of, load_certificates
from daypass.jose.concealed_members import members_of
from daypass.jose.jwk_generate import generate_for
from daypass.jose.jwk_members import read_members, write_members
from daypass.jose.key_as_secret import refuse_key_as_secret
from daypass.jose.key_formats import dump_key, load_der, load_members, load_pem, load_ssh
from daypass.jose.key_rules import ALGORITHMS, check_names, check_suits, key_algorithm
from daypass.jose.pkcs12 import load_pkcs12
from daypass.jose.raw_key import RawKey, raw_from_secret
from daypass.limits import KEY_TEXT_BYTES_MAX
from daypass.prepared import Prepared

__all__ = ["JWK"]

_THUMBPRINT_MEMBERS: Final = {
    "oct": ("k",),
    "RSA": ("e", "n"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
    "AKP": ("alg", "pub"),
}
_THUMBPRINT_HASHES: Final = {"sha256": "sha-256", "sha384": "sha-384", "sha512": "sha-512"}
_PUBLIC_OPS: Final = {"sign": "verify", "decrypt": "encrypt", "unwrapKey": "wrapKey"}


class JWK:
    """A key with its type, its one algorithm and its permissions. Make one with the class methods.

    Attributes:
        kty: oct, RSA, EC, OKP or AKP.
        crv: the curve of an EC or OKP key, else None.
        alg: the one algorithm that it is for; None where a JWK named none: then whoever uses it must name one.
        kid: how a token names it; None where it has no name.
        use: ``sig``, ``enc`` or None.
        key_ops: what it may do, or None.
        raw: its material, for jwa; shows nothing of itself.
        is_private: whether it can sign or decrypt (an oct key always is).
        x5c: its certificate and the chain, base64 of DER; empty where it has none. It is nobody's trust.

    Source: RFC 7517 4.
    """

    __slots__ = ("alg", "crv", "key_ops", "kid", "kty", "prepared", "raw", "use", "x5c")
    raw: RawKey
    prepared: Prepared
    kty: str
    crv: str | None
    alg: str | None
    kid: str | None
    use: str | None
    key_ops: tuple[str, ...] | None
    x5c: tuple[str, ...]

    def __init__(
        self,
        raw: RawKey,
        *,
        alg: str | None,
        kid: str | None,
        use: str | None = None,
        key_ops: tuple[str, ...] | None = None,
        x5c: tuple[str, ...] = (),
    ) -> None:
        check_names(alg, kid, use, key_ops)
        if alg is not None and alg in ALGORITHMS:
            check_suits(raw, ALGORITHMS[alg])
            alg = ALGORITHMS[alg].name  # a plain str, also where a member of an Enum was given
        crv = raw.crv if raw.kty in ("EC", "OKP") else None
        values: tuple[object, ...] = (raw, Prepared(), raw.kty, crv, alg, kid, use, key_ops, x5c)
        names = ("raw", "prepared", "kty", "crv", "alg", "kid", "use", "key_ops", "x5c")
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a JWK does not change: load it anew with the values that it should have")

    # -------------------------------------------------------------------------------------------- make and load

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None, bits: int | None = None, crv: str | None = None) -> JWK:
        """Make a new key.

        Args:
            alg: for signatures (``ES256``), key management (``ECDH-ES+A128KW``) or, with ``dir``, an enc (``A256GCM``).
            kid: None: the thumbprint, or 128 random bits for a symmetric key.
            bits: of an RSA modulus (2,048 to 16,384; default 2,048) or a symmetric key (default: what ``alg`` needs).
            crv: where ``alg`` takes several: Ed25519 or Ed448 (EdDSA); P-256, P-384, P-521, X25519 or X448 (ECDH-ES).

        Raises:
            ValueError: no such algorithm, or ``bits`` or ``crv`` do not go with it.
            WeakKey: ``bits`` is too small.

        Source: RFC 7518 3.1, 4.1, 5.1, 6.
        """
        raw = generate_for(key_algorithm(alg), bits=bits, crv=crv)
        if kid is None and raw.kty == "oct":
            import secrets

            kid = secrets.token_urlsafe(16)
        return cls._named(raw, alg=alg, kid=kid)

    @classmethod
    def from_secret(cls, secret: bytes, *, alg: str, kid: str | None = None) -> JWK:
        """Take a symmetric secret. Its ``kid`` stays None unless given: two processes that load one secret must agree.

        Args:
            secret: for HS256/384/512 at least 32/48/64 bytes, for encryption as many as ``alg`` says, at most
                SECRET_BYTES_MAX; for PBES2 a password.
            alg: HS*, A*KW, A*GCMKW, dir, PBES2-*, or, with ``dir``, the name of an enc.
            kid: how tokens name it, at most KID_BYTES_MAX.

        Raises:
            TypeError: the secret is no bytes.
            WeakKey: it is too short; only its length is judged.
            KeyFormatError: it is a PEM, a JWK or another form of a key that others may know.

        Source: RFC 7518 3.2, 4.4, 4.5, 4.8, 5.1; RFC 8725 3.5.
        """
        concealed = Concealed(secret)
        del secret  # no frame of ours shows it, should an error page show locals
        raw = raw_from_secret(concealed)
        refuse_key_as_secret(raw.private)
        if alg not in ALGORITHMS or ALGORITHMS[alg].kty != "oct":
            names = ", ".join(name for name, entry in ALGORITHMS.items() if entry.kty == "oct")
            raise ConfigurationError(f"from_secret needs a symmetric algorithm as alg, one of {names}")
        return cls(raw, alg=alg, kid=kid)

    @classmethod
    def from_pem(cls, data: bytes | str, *, alg: str, password: bytes | None = None, kid: str | None = None) -> JWK:
        """Load a private or public key from PEM.

        Args:
            data: PKCS#8, PKCS#1, SEC1 or SubjectPublicKeyInfo; one key.
            alg: the one algorithm it is for; PEM does not say.
            password: of an encrypted private key.
            kid: None: the thumbprint.

        Raises:
            KeyFormatError: it cannot be read, or is no key for ``alg``; the message says what it is.
            WeakKey: it is too weak.
            ConfigurationError: there is no such ``alg``.

        Source: RFC 7468.
        """
        pem, secret = Concealed(data), Concealed(password)
        del data, password  # no frame of ours shows them, should an error page show locals
        return cls._named(load_pem(pem, password=secret), alg=alg, kid=kid)

    @classmethod
    def from_der(cls, data: bytes, *, alg: str, password: bytes | None = None, kid: str | None = None) -> JWK:
        """Load a private or public key from DER: forms, arguments and errors of ``from_pem``. Source: RFC 5958."""
        der, secret = Concealed(data), Concealed(password)
        del data, password
        return cls._named(load_der(der, password=secret), alg=alg, kid=kid)

    @classmethod
    def from_x509(cls, data: bytes | str, *, alg: str, kid: str | None = None) -> JWK:
        """Take the public key of a certificate; ``x5c`` and ``x5t#S256`` go along with it.

        Nothing of the certificate is checked: whether to trust it is for the caller to know.

        Args:
            data: PEM, where the chain may follow, or DER.
            alg: the one algorithm it is for.
            kid: None: the thumbprint of the key.

        Raises:
            KeyFormatError: it is no certificate, or its key is no key for ``alg``.
            WeakKey: the key is too weak.

        Source: RFC 7517 4.7; RFC 5280 4.1.
        """
        concealed = Concealed(data)
        del data  # a private key, passed by mistake, is as secret as anywhere
        raw, x5c = load_certificates(concealed)
        return cls._named(raw, alg=alg, kid=kid, x5c=x5c)

    @classmethod
    def from_pkcs12(cls, data: bytes, *, alg: str, password: bytes | None = None, kid: str | None = None) -> JWK:
        """Load a private key and its certificates from a .p12 or .pfx file; ``x5c`` and ``x5t#S256`` go along with it.

        Args:
            data: PKCS #12, with one private key.
            alg: the one algorithm it is for.
            password: of the file.
            kid: None: the thumbprint of the key.

        Raises:
            KeyFormatError: it cannot be read, or its key is no key for ``alg``.
            WeakKey: the key is too weak.

        Source: RFC 7292 4; RFC 7517 4.7.
        """
        concealed, secret = Concealed(data), Concealed(password)
        del data, password
        raw, x5c = load_pkcs12(concealed, password=secret)
        return cls._named(raw, alg=alg, kid=kid, x5c=x5c)

    @classmethod
    def from_ssh(cls, line: bytes | str, *, alg: str, kid: str | None = None) -> JWK:
        """Load a public key from a line of OpenSSH, ``ssh-ed25519 AAAA... comment`` say; raises as ``from_pem``.

        Source: RFC 4253 6.6.
        """
        concealed = Concealed(line)
        del line
        return cls._named(load_ssh(concealed), alg=alg, kid=kid)

    @classmethod
    def from_dict(cls, jwk: Mapping[str, Any], *, alg: str | None = None) -> JWK:
        """Load a JWK.

        Args:
            jwk: its members; unknown ones are ignored.
            alg: binds a key that names no ``alg``; a key that names another is refused.

        Raises:
            KeyFormatError: a member is missing, misspelt, contradicts another, or ``alg`` does.
            WeakKey: it is too weak for its ``alg``.

        Source: RFC 7517 4.
        """
        given = Concealed(jwk)
        del jwk
        jwk = members_of(given)
        for name in ("kid", "use", "alg"):
            if name in jwk and not isinstance(jwk[name], str):
                raise KeyFormatError(f"JWK member {name!r} must be a string")
        if alg is not None and jwk.get("alg", alg) != alg:
            raise KeyFormatError("the JWK names another alg than the one that was asked for")
        if alg is not None:
            key_algorithm(alg)
        ops = jwk.get("key_ops")
        if "key_ops" in jwk and not (isinstance(ops, list) and all(isinstance(op, str) for op in ops)):
            raise KeyFormatError("JWK member 'key_ops' must be a list of strings")
        raw = read_members(jwk)
        key_ops = None if ops is None else tuple(ops)
        x5c = chain_of(jwk, raw)
        return cls(raw, alg=jwk.get("alg", alg), kid=jwk.get("kid"), use=jwk.get("use"), key_ops=key_ops, x5c=x5c)

    @classmethod
    def from_json(cls, text: str | bytes, *, alg: str | None = None) -> JWK:
        """Load a JWK from JSON text, at most KEY_TEXT_BYTES_MAX; raises as ``from_dict``. Source: RFC 7517 4."""
        concealed = Concealed(text)
        del text
        return cls.from_dict(load_members(concealed, KEY_TEXT_BYTES_MAX), alg=alg)

    @classmethod
    def _named(cls, raw: RawKey, *, alg: str, kid: str | None, x5c: tuple[str, ...] = ()) -> JWK:
        """Name an asymmetric key by its thumbprint unless it has a name; whoever loads it names an alg that exists."""
        key_algorithm(alg)
        if kid is None and raw.kty != "oct":
            kid = cls(raw, alg=alg, kid=None).thumbprint()
        return cls(raw, alg=alg, kid=kid, x5c=x5c)

    # -------------------------------------------------------------------------------------------------- write

    @property
    def is_private(self) -> bool:
        """Whether it holds what signs or decrypts."""
        return self.raw.private is not None

    def public(self) -> JWK:
        """The public half, same name and algorithm. Raises ValueError for a symmetric key. Source: RFC 7517 9.2."""
        if self.kty == "oct":
            raise ConfigurationError(
                "a symmetric key has no public half: whoever can verify or encrypt with it can sign or decrypt"
            )
        raw = RawKey(self.kty, self.raw.crv, public=self.raw.public, private=None)
        ops = None if self.key_ops is None else tuple(dict.fromkeys(_PUBLIC_OPS.get(op, op) for op in self.key_ops))
        return JWK(raw, alg=self.alg, kid=self.kid, use=self.use, key_ops=ops, x5c=self.x5c)

    def to_dict(self, *, private: bool = False) -> dict[str, Any]:
        """Spell it as a JWK.

        Args:
            private: with its private parts; a symmetric key has no others.

        Raises:
            ValueError: the key has no private parts, or no public ones.

        Source: RFC 7517 4.
        """
        self._check_half(private)
        names = {"kid": self.kid, "alg": self.alg, "use": self.use}
        members: dict[str, Any] = {name: value for name, value in names.items() if value is not None}
        if self.key_ops is not None:
            members["key_ops"] = list(self.key_ops)
        if self.x5c:
            members |= {"x5c": list(self.x5c), "x5t#S256": certificate_thumbprint(self.x5c[0])}
        return {**write_members(self.raw, private=private), **members}

    def to_pem(self, *, private: bool = False, password: bytes | None = None) -> bytes:
        """Write SubjectPublicKeyInfo, or PKCS#8 with ``private=True``, encrypted where a password is given.

        Raises:
            ValueError: a symmetric key, no private parts, or a password for public ones.

        Source: RFC 5958; RFC 5280 4.1.2.7.
        """
        secret = Concealed(password)
        del password
        return self._dump("PEM", private=private, password=secret)

    def to_der(self, *, private: bool = False, password: bytes | None = None) -> bytes:
        """Write DER: the same forms, the same errors as ``to_pem``. Source: RFC 5958; RFC 5280 4.1.2.7."""
        secret = Concealed(password)
        del password
        return self._dump("DER", private=private, password=secret)

    def _dump(self, form: Literal["PEM", "DER"], *, private: bool, password: Concealed) -> bytes:
        if self.kty == "oct":
            raise ConfigurationError(f"a symmetric key has no {form} form: use to_dict(private=True)")
        if password.value is not None and not (private and password.value):
            raise ConfigurationError("a non-empty password protects private parts: pass private=True with it")
        self._check_half(private)
        return dump_key(self.raw, form=form, private=private, password=password)

    def _check_half(self, private: bool) -> None:
        if private and not self.is_private:
            raise ConfigurationError("this key has no private parts")
        if not private and self.kty == "oct":
            raise ConfigurationError("a symmetric key has no public parts: private=True writes the secret itself")

    def thumbprint(self, hash: str = "sha256") -> str:  # noqa: A002 - the word of RFC 7638
        """Hash its required public members.

        Args:
            hash: sha256, sha384 or sha512.

        Returns:
            base64url; 43 characters for sha256.

        Source: RFC 7638 3; RFC 9964 6.
        """
        if hash not in _THUMBPRINT_HASHES:
            raise ConfigurationError(f"expected one of {', '.join(_THUMBPRINT_HASHES)} as hash")
        members: Mapping[str, str] = write_members(self.raw, private=False)
        required = {name: members[name] for name in sorted(("kty", *_THUMBPRINT_MEMBERS[self.kty]))}
        return b64url_encode(hashlib.new(hash, encode_json(required)).digest())

    def thumbprint_uri(self, hash: str = "sha256") -> str:  # noqa: A002
        """The thumbprint as a URN. Source: RFC 9278 3."""
        return f"urn:ietf:params:oauth:jwk-thumbprint:{_THUMBPRINT_HASHES.get(hash, hash)}:{self.thumbprint(hash)}"

    # ------------------------------------------------------------------------------------------------ secrecy

    def __repr__(self) -> str:
        if hasattr(self, "raw"):
            half = "private" if self.is_private else "public"
            return f"JWK(kty={self.kty!r}, alg={self.alg!r}, kid={self.kid!r}, {half}, redacted)"
        return "JWK(refused)"  # as a traceback sees it that shows locals

    def __copy__(self) -> JWK:
        return self

    def __deepcopy__(self, memo: object) -> JWK:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a JWK is not pickled, it would be written in the clear: pass to_dict(private=True) on purpose")
