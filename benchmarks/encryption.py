"""JWE beside its peers, a key in a large set, and what it costs to refuse what was made to be costly."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from joserfc import jwe as joserfc_jwe
from joserfc import jwk as joserfc_jwk
from jwcrypto import jwe as jwcrypto_jwe
from jwcrypto import jwk as jwcrypto_jwk

from benchmarks.material import access_claims
from benchmarks.report import Bar, Group, rows_of
from benchmarks.rounds import Call, Result, measure
from daypass.encoding import b64url_encode, encode_json
from daypass.errors import TokenError
from daypass.jose import jwe, jws, jwt
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet

__all__ = ["decrypt_group", "encrypt_group", "key_set_group", "refusals_group"]

DECRYPT = "daypass jwe.decrypt"
ENCRYPT = "daypass jwe.encrypt"
TEN_MS = "10 ms"


# ----------------------------------------------------------------------------------------- beside the peers


def decrypt_group(alg: str, enc: str, *, most: float, rounds: int) -> Group:
    """Decrypt the 12 claims of an access token, a new ``str`` each time."""
    key = _key(alg, enc)
    plaintext = encode_json(access_claims())
    raw = jwe.encrypt(plaintext, key, enc=enc).encode()
    theirs, others = joserfc_jwk.import_key(_members(key)), jwcrypto_jwk.JWK(**_members(key))
    algs = [alg, enc]

    def jwcrypto_decrypt() -> object:
        token = jwcrypto_jwe.JWE(algs=algs)
        token.deserialize(raw.decode(), others)
        return token.payload

    contestants: dict[str, Call] = {
        DECRYPT: lambda: jwe.decrypt(raw.decode(), key).plaintext,
        "joserfc": lambda: joserfc_jwe.decrypt_compact(raw.decode(), theirs, algs).plaintext,
        "jwcrypto": jwcrypto_decrypt,
    }
    _demand(contestants, plaintext)
    result = measure(contestants, rounds=rounds)
    return rows_of(f"{alg} + {enc} decrypt, 12 claims", result, "joserfc", (Bar(DECRYPT, "joserfc", most),))


def encrypt_group(alg: str, enc: str, *, most: float, rounds: int) -> Group:
    """Encrypt the 12 claims of an access token."""
    key = _key(alg, enc)
    plaintext = encode_json(access_claims())
    theirs, others = joserfc_jwk.import_key(_members(key)), jwcrypto_jwk.JWK(**_members(key))
    header, algs = {"alg": alg, "enc": enc}, [alg, enc]

    def jwcrypto_encrypt() -> str:
        token = jwcrypto_jwe.JWE(plaintext, json.dumps(header), recipient=others)
        return str(token.serialize(compact=True))

    contestants: dict[str, Callable[[], str]] = {
        ENCRYPT: lambda: jwe.encrypt(plaintext, key, enc=enc),
        "joserfc": lambda: joserfc_jwe.encrypt_compact(header, plaintext, theirs, algs),
        "jwcrypto": jwcrypto_encrypt,
    }
    _demand({name: _decrypting(make(), key) for name, make in contestants.items()}, plaintext)
    result = measure(contestants, rounds=rounds)
    return rows_of(f"{alg} + {enc} encrypt, 12 claims", result, "joserfc", (Bar(ENCRYPT, "joserfc", most),))


def _key(alg: str, enc: str) -> JWK:
    return JWK.generate(enc if alg == "dir" else alg)


def _members(key: JWK) -> dict[str, Any]:
    """Members as the peers read them: an ``alg`` that is an enc puzzles some."""
    return {name: value for name, value in key.to_dict(private=True).items() if name != "alg"}


def _decrypting(token: str, key: JWK) -> Call:
    return lambda: jwe.decrypt(token, key).plaintext


def _demand(contestants: dict[str, Call], plaintext: bytes) -> None:
    for name, call in contestants.items():
        if call() != plaintext:
            raise AssertionError(f"{name} does not give the plaintext back")


# -------------------------------------------------------------------------------------------- one of so many


def key_set_group(*, rounds: int) -> Group:
    """Find a key by its kid, and verify under it, in a small and in a large set."""
    contestants: dict[str, Call] = {}
    for count in (10, 10_000):
        keys = JWKSet([JWK.generate("HS256") for _ in range(count)])
        key = list(keys)[count // 2]
        raw = jwt.sign({"sub": "u"}, key).encode()
        contestants[f"find(kid=...) among {count:,}"] = _finding(keys, str(key.kid))
        contestants[f"jwt.verify among {count:,}"] = _verifying(keys, raw)
    result = measure(contestants, rounds=rounds)
    find, verify = "find(kid=...) among {}", "jwt.verify among {}"
    bars = [Bar(name.format("10,000"), name.format("10"), 1.15) for name in (find, verify)]
    return rows_of("A key of a JWK Set by its kid", result, find.format("10"), bars)


def _finding(keys: JWKSet, kid: str) -> Call:
    return lambda: keys.find(kid=kid)


def _verifying(keys: JWKSet, raw: bytes) -> Call:
    return lambda: jwt.verify(raw.decode(), keys)


# ------------------------------------------------------------------------------------------ made to be costly


def refusals_group(*, rounds: int) -> Group:
    """Tokens that were made to cost time or memory: how long each takes to be refused."""
    result = measure({name: _refusing(name, call) for name, call in _costly().items()}, rounds=rounds)
    names = list(result.rounds)
    result = Result({**result.rounds, TEN_MS: [10_000.0] * len(result.rounds[names[0]])})
    return rows_of("Refused", result, TEN_MS, [Bar(name, TEN_MS, 1.0) for name in names])


def _refusing(name: str, call: Call) -> Call:
    def refuse() -> None:
        try:
            call()
        except TokenError:
            return
        raise AssertionError(f"{name} was accepted")

    return refuse


def _costly() -> dict[str, Call]:
    password = JWK.from_secret(b"correct horse battery staple", alg="PBES2-HS256+A128KW")
    box, key = JWK.generate("A256GCM"), JWK.generate("HS256")
    header = {"alg": password.alg, "enc": "A128GCM", "p2s": b64url_encode(bytes(16)), "p2c": 2_000_000_000}
    slow = f"{b64url_encode(encode_json(header))}.{b64url_encode(bytes(24))}.{'A' * 16}.AAAA.{'A' * 22}"
    bomb, brackets = _bomb(box), '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"
    dots, long = "." * 2_000_000, "A" * 30_000_000
    return {
        "a p2c of two billion": lambda: jwe.decrypt(slow, password, allow_pbes2=True),
        "a zip bomb, 100 kB to 100 MB": lambda: jwe.decrypt(bomb, box, allow_zip=True),
        "2 million dots": lambda: jwt.verify(dots, key),
        "100,000 brackets, JWS": lambda: jws.verify_json(brackets, key),
        "100,000 brackets, JWE": lambda: jwe.decrypt_json(brackets, box),
        "a token of 30 MB": lambda: jwe.decrypt(long, box),
    }


def _bomb(key: JWK) -> str:
    """What no sender of ours would write: 100 MB of zeros, compressed and encrypted."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(bytes(100_000_000)) + packer.flush()
    head = b64url_encode(encode_json({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}))
    sealed = CONTENT_ENCRYPTIONS["A256GCM"].encryptor(key.raw.private)(bytes(12), packed, head.encode())
    return f"{head}..{b64url_encode(bytes(12))}.{b64url_encode(sealed[:-16])}.{b64url_encode(sealed[-16:])}"
