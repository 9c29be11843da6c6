"""ATTACKS 3.5, E01 to E06, and D09: one error and one road whatever failed, and bounds before any primitive."""

import json
import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.errors import (
    ConfigurationError,
    DecryptionFailed,
    MalformedToken,
    TokenTooLarge,
    UnsupportedToken,
)
from daypass.jose.jwk import JWK
from daypass.limits import PBES2_COUNT_MAX, PBES2_SALT_BYTES_MAX, PLAINTEXT_BYTES_MAX
from tests.encryption import ENCS, EVERYTHING
from tests.security import forge
from tests.security.forge import b64u, outcome, unb64u
from tests.security.forge_jwe import (
    agreed,
    agreement,
    cbc_tag,
    cek_of,
    compact,
    direct,
    flat,
    flattened,
    general,
    pbes2,
    pkcs1_block,
    receiver,
    recipient,
    refused,
    rsa_block,
    rsa_encrypted,
    rsa_token,
    segments,
    ways,
    with_segment,
    wrapped,
)
from tests.security.primitives import allocating_at_most


def test_the_forge_makes_good_tokens(calls: list[str]) -> None:
    for token, key in (
        (direct(), receiver("dir")),
        (wrapped(), receiver("A256KW")),
        (wrapped({"enc": "A256CBC-HS512"}), receiver("A256KW")),
        (pbes2(), receiver("PBES2-HS256+A128KW")),
        (rsa_token(rsa_encrypted(cek_of("A128GCM"))), receiver("RSA1_5")),
        *((agreed(crv, None, wrap=wrap), agreement(crv, wrap=wrap)) for crv in ("P-256", "X25519") for wrap in (0, 1)),
    ):
        for name, decrypt in ways(key, token):
            if name != "jwt.decrypt":
                assert decrypt(token).plaintext == b"x", name  # type: ignore[attr-defined]
    for token in (flattened(), flattened(aad="eA")):
        assert jwe.decrypt_json(token, receiver("dir")).plaintext == b"x"
    for token in (general(recipient()), general(recipient(), recipient(), shared={"u": 1}, aad="eA")):
        assert jwe.decrypt_json(token, receiver("A256KW")).plaintext == b"x"
    assert {"receive A256KW", "open A256GCM", "derive", "decipher", "random"} <= set(calls)


# ------------------------------------------------------------------------------------------ E01: kinds of tokens


def test_E01_an_encrypted_token_is_no_signed_one() -> None:
    """CVE-2022-3102, CVE-2023-51774: whoever has the public key of a verifier can encrypt to it."""
    key = JWK.generate("RS256")
    claims = json.dumps(forge.claims()).encode()
    to_verifier = JWK.from_dict({**key.public().to_dict(), "alg": "RSA-OAEP"})
    secret = JWK.from_dict({**forge.jwk("HS256").to_dict(private=True), "alg": "A256KW"})
    for token, verifier in (
        (jwe.encrypt(claims, to_verifier, enc="A256GCM", header={"typ": "JWT"}), key),
        (jwe.encrypt(claims, secret, enc="A256GCM", header={"typ": "JWT"}), forge.jwk("HS256")),
    ):
        for kind in (verifier, verifier.public() if verifier.kty == "RSA" else verifier):
            for _, verify in forge.ways(kind):
                assert outcome(verify, token) is MalformedToken
            assert outcome(jws.verify_json, flat(token), kind) is UnsupportedToken
            assert outcome(jwt.verify, json.dumps(flat(token)), kind) is MalformedToken


def test_E01_a_signed_token_is_no_encrypted_one(calls: list[str]) -> None:
    signed, key = forge.token(), receiver("A256KW")
    for decrypt in (lambda it: jwe.decrypt(it, key), lambda it: jwt.decrypt(it, key)):
        assert outcome(decrypt, signed) is MalformedToken
        assert outcome(decrypt, f"{signed}..") is not None  # five segments, the header that of a signed token
        assert outcome(decrypt, f"{signed}..") in (MalformedToken, UnsupportedToken)
    header, payload, signature = signed.split(".")
    for token in (
        {"protected": header, "payload": payload, "signature": signature},
        {"payload": payload, "signatures": [{"protected": header, "signature": signature}]},
        flattened(payload="eA"),
        flattened(signatures=[]),
        flattened(signature="eA"),
    ):
        for it in (token, json.dumps(token)):
            assert outcome(jwe.decrypt_json, it, receiver("dir")) is UnsupportedToken
            assert outcome(jws.verify_json, it, forge.jwk("HS256")) is not UnsupportedToken or "ciphertext" in token
    assert calls == []


def test_E01_a_polyglot_is_neither(calls: list[str]) -> None:
    """C09, CVE-2022-39227: compact inside JSON, JSON inside compact."""
    token, key = direct(), receiver("dir")
    for text in (f'{{"{token}":1}}', f'{{"  {token}":"",{json.dumps(flat(token))[1:]}', f" {token}", f"{token}\n"):
        assert outcome(jwe.decrypt, text, key) is MalformedToken
        assert outcome(jwt.decrypt, text, key) is MalformedToken
    assert outcome(jwe.decrypt_json, token, key) is MalformedToken
    assert outcome(jwe.decrypt, json.dumps(flat(token)), key) is MalformedToken
    assert calls == []


def test_D09_what_is_inside_must_be_signed() -> None:
    """CVE-2026-29000: encryption in place of a signature."""
    outer, inner = receiver("A256KW"), forge.jwk("HS256")
    claims = json.dumps(forge.claims()).encode()
    head = b64u(b'{"alg":"none","typ":"JWT"}')
    unsigned = f"{head}.{b64u(claims)}."
    signed = forge.token()
    nested = {"cty": "JWT"}
    for content in (
        claims,
        unsigned.encode(),
        wrapped(nested, signed.encode()).encode(),
        b"\xff" + signed.encode(),
        b"",
    ):
        bad = wrapped(nested, content)
        refusal = outcome(lambda it: jwt.decrypt_then_verify(it, outer, inner, policy=forge.POLICY), bad)
        assert refusal in (MalformedToken, UnsupportedToken)
    good = wrapped(nested, signed.encode())
    assert jwt.decrypt_then_verify(good, outer, inner, policy=forge.POLICY)["sub"] == "u1"
    for it in (signed, wrapped({}, signed.encode()), wrapped({"cty": "JWE"}, signed.encode())):
        refusal = outcome(lambda it: jwt.decrypt_then_verify(it, outer, inner, policy=forge.POLICY), it)
        assert refusal in (MalformedToken, UnsupportedToken)
    # and a nested token read as one that is not: its content is no claims
    assert outcome(lambda it: jwt.decrypt(it, outer, policy=forge.POLICY), good) in (MalformedToken, UnsupportedToken)


def test_E01_a_public_key_gives_no_claims_to_believe() -> None:
    for key in (receiver("RSA-OAEP"), agreement("P-256"), agreement("X25519", wrap=True)):
        token = jwt.encrypt({"sub": "admin"}, key.public())
        with pytest.raises(ConfigurationError, match="allow_unknown_sender"):
            jwt.decrypt(token, key)
        assert jwt.decrypt(token, key, allow_unknown_sender=True)["sub"] == "admin"


# ---------------------------------------------------------------------------------------------- E02: RSAES-PKCS1-v1_5

N_BYTES = 256


def bleichenbacher() -> Iterator[tuple[str, str]]:
    """Tokens that differ only in what went wrong."""
    cek, wrong = cek_of("A128GCM"), rsa_token(rsa_encrypted(cek_of("A128GCM")))
    good_block = pkcs1_block(cek)
    yield "tag", with_segment(wrong, 4, b64u(bytes(16)))
    yield "ciphertext", with_segment(wrong, 3, b64u(bytes([unb64u(segments(wrong)[3])[0] ^ 1])))
    yield "another CEK", rsa_token(rsa_encrypted(os.urandom(16)))
    for length in (0, 1, 15, 17, 24, 32, 64, 245):
        yield f"CEK of {length}", rsa_token(rsa_encrypted(os.urandom(length)))
    yield "first octet", rsa_token(rsa_block(b"\1" + good_block[1:]))
    yield "block type", rsa_token(rsa_block(b"\0\1" + good_block[2:]))
    yield "no separator", rsa_token(rsa_block(b"\0\2" + b"\x55" * 254))
    yield "early separator", rsa_token(rsa_block(b"\0\2" + b"\x55" * 7 + b"\0" + good_block[10:]))
    yield "zero", rsa_token(rsa_block(bytes(N_BYTES)))
    yield "one", rsa_token(rsa_block(bytes(N_BYTES - 1) + b"\1"))
    yield "random", rsa_token(b"\0" + os.urandom(N_BYTES - 1))
    yield "too long", rsa_token(os.urandom(N_BYTES + 1))
    yield "too short", rsa_token(os.urandom(N_BYTES - 1))
    yield "beyond the modulus", rsa_token(b"\xff" * N_BYTES)
    yield "empty", rsa_token(b"")
    numbers = forge.other_rsa_key().public_key().public_numbers()
    yield (
        "another key",
        rsa_token(pow(int.from_bytes(good_block, "big"), numbers.e, numbers.n).to_bytes(N_BYTES, "big")),
    )
    # sealed under a key that an implementation may fall back to
    for guess in (bytes(16), b"\xff" * 16, b"\x55" * 16):
        yield f"fallback {guess[0]}", rsa_token(rsa_block(b"\1" + good_block[1:]), guess)


@pytest.mark.parametrize("bad", [pytest.param(token, id=name) for name, token in bleichenbacher()])
def test_E02_every_failure_of_rsa1_5_takes_one_road(bad: str, calls: list[str]) -> None:
    """CVE-2016-6298, CVE-2026-28490: error, message and the steps taken are those of a wrong tag."""
    key = receiver("RSA1_5")
    refused(bad, DecryptionFailed, key)
    road = ["random", "receive RSA1_5", "open A128GCM"]
    assert calls == road * (len(calls) // 3)
    assert len(calls) == 3 * 5


def test_E02_a_substitute_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tokens of bad padding never meet the same CEK: otherwise a content sealed under it would open once known."""
    from daypass.jose import jwe_message

    seen: list[bytes] = []
    taken = jwe_message.received_cek

    def noting(*args: Any) -> bytes:
        seen.append(taken(*args))
        return seen[-1]

    monkeypatch.setattr(jwe_message, "received_cek", noting)
    token = rsa_token(os.urandom(N_BYTES + 1))
    for _ in range(5):
        assert outcome(lambda: jwe.decrypt(token, receiver("RSA1_5"), allow_rsa1_5=True)) is DecryptionFailed
    assert len(set(seen)) == 5
    assert {len(it) for it in seen} == {16}


def test_E02_rsa1_5_is_off_unless_named(calls: list[str]) -> None:
    token = rsa_token(rsa_encrypted(cek_of("A128GCM")))
    key = receiver("RSA1_5")
    unnamed = JWK.from_dict({it: value for it, value in key.to_dict(private=True).items() if it != "alg"})
    for it, words in ((key, {}), (key, {"algs": ("RSA1_5",)}), (unnamed, {"algs": ("RSA-OAEP", "RSA1_5")})):
        for act in (jwe.decrypt, lambda t, k, **w: jwe.decrypt_json(flat(t), k, **w)):
            assert outcome(lambda a=act, i=it, w=words: a(token, i, **w)) is UnsupportedToken
    assert outcome(lambda: jwe.decrypt(token, receiver("RSA-OAEP"), **EVERYTHING)) is UnsupportedToken
    assert outcome(lambda: jwt.decrypt(token, key, allow_unknown_sender=True)) is UnsupportedToken
    assert calls == []


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"])
def test_E02_every_failure_of_oaep_takes_one_road(alg: str, calls: list[str]) -> None:
    """Manger: what the first octet was must not be told."""
    key = receiver(alg)
    for ek in (
        rsa_block(b"\0" + os.urandom(255)),
        rsa_block(b"\1" + os.urandom(255)),
        rsa_encrypted(b"x"),
        b"",
        b"\xff" * 256,
    ):
        calls.clear()
        refused(rsa_token(ek, alg=alg), DecryptionFailed, key)
        assert calls == ["random", f"receive {alg}", "open A128GCM"] * 5


# --------------------------------------------------------------------------------------------------- E03, E04: content


@pytest.mark.parametrize("enc", [enc for enc in ENCS if "CBC" in enc])
def test_E03_the_tag_comes_before_the_padding(enc: str, calls: list[str]) -> None:
    """CVE-2021-29446, Vaudenay: whatever the padding would be, no block is deciphered under a wrong tag."""
    key, good = receiver("A256KW"), wrapped({"enc": enc}, b"sixteen octets!!")
    head, _, iv, ciphertext, tag = (unb64u(it) for it in segments(good))
    assert head
    for last in set(range(256)) - {ciphertext[-17]}:
        forged = ciphertext[:-17] + bytes([last]) + ciphertext[-16:]
        assert outcome(lambda it=forged: jwe.decrypt(with_segment(good, 3, b64u(it)), key)) is DecryptionFailed
    assert "decipher" not in calls
    for bad in (
        *(with_segment(good, 3, b64u(it)) for it in (b"", ciphertext[:16], ciphertext[:-1], ciphertext + bytes(16))),
        with_segment(good, 2, b64u(bytes(16))),
        with_segment(good, 4, b64u(bytes(len(tag)))),
        with_segment(good, 4, b64u(tag[::-1])),
    ):
        refused(bad, DecryptionFailed, key, good)
    assert calls.count("decipher") == 7  # the warm way decrypted its good token first, each time
    assert iv


@pytest.mark.parametrize("enc", [enc for enc in ENCS if "CBC" in enc])
def test_E03_the_length_of_the_header_has_all_64_bits(enc: str) -> None:
    """CVE-2016-9123: an AL that wraps lets the header grow into the iv."""
    import hmac

    from tests.security.forge_jwe import DIGESTS

    good, cek = wrapped({"enc": enc}), cek_of(enc)
    head, _, iv, ciphertext, tag = segments(good)
    aad, half_key = head.encode(), cek[: len(cek) // 2]
    assert cbc_tag(cek, unb64u(iv), unb64u(ciphertext), aad) == unb64u(tag)
    bits = 8 * len(aad)
    for al in (bits.to_bytes(4, "big"), bits.to_bytes(8, "little"), len(aad).to_bytes(8, "big"), b"", bytes(8)):
        wrong = hmac.digest(half_key, aad + unb64u(iv) + unb64u(ciphertext) + al, DIGESTS[len(half_key)])
        refused(with_segment(good, 4, b64u(wrong[: len(half_key)])), DecryptionFailed, receiver("A256KW"))


@pytest.mark.parametrize("enc", ENCS)
def test_E04_a_tag_has_its_length(enc: str, calls: list[str]) -> None:
    """CVE-2018-1000539, CVE-2025-54887: with GCM, a cut tag is guessed."""
    key, good = receiver("A256KW"), wrapped({"enc": enc})
    tag = unb64u(segments(good)[4])
    for bad in (b"", tag[:1], tag[:4], tag[:8], tag[:12], tag[:-1], tag + b"\0", tag * 2):
        refused(with_segment(good, 4, b64u(bad)), DecryptionFailed, key)
    assert not [call for call in calls if call.startswith(("open", "decipher"))]


@pytest.mark.parametrize("enc", ENCS)
def test_E04_ends_of_one_segment_are_not_the_next(enc: str) -> None:
    """Whoever joins them to decrypt must have measured them: in threes, so that the spelling stays right."""
    good = compact({"alg": "dir", "enc": enc}, b"eighteen octets!!!", cek=cek_of(enc))
    key = JWK.from_secret(cek_of(enc), alg="dir")
    head, ek, iv, ciphertext, tag = segments(good)
    for count in (4, 8, 16):
        for parts in (
            (iv, ciphertext + tag[:count], tag[count:]),
            (iv, ciphertext[:-count], ciphertext[-count:] + tag),
            (iv + ciphertext[:count], ciphertext[count:], tag),
            (iv[:-count], iv[-count:] + ciphertext, tag),
        ):
            bad = ".".join((head, ek, *parts))
            for name, decrypt in ways(key, good):
                assert outcome(decrypt, bad) in (DecryptionFailed, MalformedToken), name
    assert outcome(jwe.decrypt, ".".join((head, iv, "", ciphertext, tag)), key) is DecryptionFailed


@pytest.mark.parametrize("size", [0, 1, 8, 11, 13, 16, 32, 128])
def test_E04_an_iv_has_its_length(size: int, calls: list[str]) -> None:
    """Sealed honestly under such an iv: GCM itself takes nearly any."""
    cek = cek_of("A256GCM")
    iv = os.urandom(size)
    if size >= 8:
        bad = [direct(iv=iv), compact({"alg": "dir", "enc": "A256GCM"}, iv=iv)]
        refused(with_segment(wrapped(), 2, b64u(iv)), DecryptionFailed, receiver("A256KW"), wrapped())
    else:
        bad = [with_segment(direct(), 2, b64u(iv))]
    for token in bad:
        refused(token, DecryptionFailed, receiver("dir"), None)
    assert len(cek) == 32
    assert calls.count("open A256GCM") == (1 if size >= 8 else 0)  # that of the warm way's good token
    refused(
        with_segment(wrapped({"enc": "A128CBC-HS256"}), 2, b64u(iv if size != 16 else bytes(12))),
        DecryptionFailed,
        receiver("A256KW"),
    )


@pytest.mark.parametrize("name", ["iv", "tag"])
def test_E04_lengths_of_a_wrapped_key(name: str, calls: list[str]) -> None:
    """The same for A256GCMKW, whose iv and tag are header parameters."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from tests.security.forge_jwe import SECRET

    cek = cek_of("A256GCM")

    def token(iv: bytes, cut: int = 16) -> str:
        both = AESGCM(SECRET).encrypt(iv, cek, None)
        header = {"alg": "A256GCMKW", "enc": "A256GCM", "iv": b64u(iv), "tag": b64u(both[32 : 32 + cut])}
        return compact(header, cek=cek, ek=both[:32])

    key = receiver("A256GCMKW")
    assert jwe.decrypt(token(os.urandom(12)), key).plaintext == b"x"
    for size in (8, 11, 13, 16, 64) if name == "iv" else (0, 1, 4, 8, 12, 15):
        bad = token(os.urandom(size)) if name == "iv" else token(os.urandom(12), size)
        refused(bad, DecryptionFailed, key)


# ------------------------------------------------------------------------------------------------- E05: compression


def packed(plaintext: bytes, *, wbits: int = -15) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(plaintext) + packer.flush()


ZIP = {"zip": "DEF"}
BOMBS = {f"{size} bytes": packed(bytes(size)) for size in (17_000, 10**6, 10**8)}
BOMBS["just too long"] = packed(os.urandom(PLAINTEXT_BYTES_MAX) + b"x")


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_E05_a_bomb_is_not_inflated(bomb: bytes, calls: list[str]) -> None:
    """CVE-2024-28102, CVE-2026-39373 and a dozen more: 1 kB to 1 MB, 100 kB to 100 MB."""
    keys = {token: receiver(alg) for token, alg in ((direct(ZIP, bomb), "dir"), (wrapped(ZIP, bomb), "A256KW"))}
    for token, key in keys.items():
        refused(token, TokenTooLarge, key)
        with allocating_at_most(2 * PLAINTEXT_BYTES_MAX + 6 * len(token) + 100_000):
            assert outcome(lambda t=token, k=key: jwe.decrypt(t, k, allow_zip=True)) is TokenTooLarge
            assert outcome(lambda t=token, k=key: jwe.decrypt_json(flat(t), k, allow_zip=True)) is TokenTooLarge
        calls.clear()
        for words in ({}, {"allow_pbes2": True}):
            assert outcome(lambda t=token, k=key, w=words: jwe.decrypt(t, k, **w)) is UnsupportedToken
            assert outcome(lambda t=token, k=key, w=words: jwe.decrypt_json(flat(t), k, **w)) is UnsupportedToken
            assert outcome(lambda t=token, k=key: jwt.decrypt(t, k, bytes_max=10**6)) is UnsupportedToken
        assert calls == []


def test_E05_a_bomb_for_several_recipients_is_inflated_for_none(calls: list[str]) -> None:
    cek = cek_of("A256GCM")
    head = b64u(b'{"enc":"A256GCM","zip":"DEF"}')
    from tests.security.forge_jwe import seal

    iv, ciphertext, tag = map(b64u, seal("A256GCM", cek, BOMBS["1000000 bytes"], head.encode()))
    token = {"protected": head, "recipients": [recipient()] * 64, "iv": iv, "ciphertext": ciphertext, "tag": tag}
    assert outcome(lambda: jwe.decrypt_json(token, receiver("A256KW"), allow_zip=True)) is TokenTooLarge
    assert calls.count("inflate") == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(packed(b"x" * 50)[:-1], id="truncated"),
        pytest.param(packed(b"x" * 50)[:3], id="short"),
        pytest.param(b"", id="nothing"),
        pytest.param(packed(b"x" * 50) + b"\0", id="garbage behind it"),
        pytest.param(packed(b"x" * 50) + packed(b"y"), id="two streams"),
        pytest.param(packed(b"x" * 50, wbits=15), id="zlib"),
        pytest.param(packed(b"x" * 50, wbits=31), id="gzip"),
        pytest.param(b"x" * 50, id="never compressed"),
        pytest.param(b"\xff" * 50, id="no block"),
    ],
)
def test_E05_a_stream_is_whole_and_alone(content: bytes) -> None:
    for token, key in ((direct(ZIP, content), receiver("dir")), (wrapped(ZIP, content), receiver("A256KW"))):
        refused(token, DecryptionFailed, key)


@pytest.mark.parametrize("name", ["def", "GZIP", "", "DEF ", None, 5, True, ["DEF"], {"DEF": 1}])
def test_E05_another_compression_is_none(name: Any, calls: list[str]) -> None:
    refused(direct({"zip": name}), UnsupportedToken, receiver("dir"))
    assert calls == []


def test_E05_zip_is_protected(calls: list[str]) -> None:
    content = packed(b"x")
    for token in (
        flattened(plaintext=content, unprotected=ZIP),
        flattened(plaintext=content, header=ZIP),
        flattened({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}, content, unprotected=ZIP),
        general(recipient({"alg": "A256KW", "zip": "DEF"})),
        general(recipient(), recipient({"alg": "A256KW", "zip": "DEF"})),
        general(recipient(), shared=ZIP),
    ):
        for key in (receiver("dir"), receiver("A256KW")):
            assert outcome(lambda t=token, k=key: jwe.decrypt_json(t, k, **EVERYTHING)) is MalformedToken
    assert calls == []


# --------------------------------------------------------------------------------------------------- E06: passwords

PBES2 = "PBES2-HS256+A128KW"


@pytest.mark.parametrize("p2c", [2_000_000_000, 2**31, 2**63, 10**30, -5, 0, 1, 999, PBES2_COUNT_MAX + 1])
def test_E06_iterations_are_bounded_before_any(p2c: int, calls: list[str]) -> None:
    """CVE-2022-36083, CVE-2023-49290, CVE-2023-50658 and more: each iteration is the sender's to ask for."""
    refused(pbes2({"p2c": p2c}), UnsupportedToken, receiver(PBES2))
    assert calls == []


@pytest.mark.parametrize("p2c", ["4096", "", 1e6, 4096.0, True, False, None, [4096], {"p2c": 1}, ...])
def test_E06_iterations_are_an_int(p2c: Any, calls: list[str]) -> None:
    refused(pbes2({"p2c": p2c}), MalformedToken, receiver(PBES2))
    assert calls == []


@pytest.mark.parametrize("size", [0, 1, 7, PBES2_SALT_BYTES_MAX + 1, 4000])
def test_E06_a_salt_is_neither_short_nor_long(size: int, calls: list[str]) -> None:
    refused(pbes2({"p2s": b64u(bytes(size))}), MalformedToken, receiver(PBES2))
    assert calls == []


@pytest.mark.parametrize("p2s", [None, 5, ["AAAAAAAAAAAAAAAA"], "not base64", "AAAAAAAAAAAA=", "\u00e9", ...])
def test_E06_a_salt_is_base64url(p2s: Any, calls: list[str]) -> None:
    refused(pbes2({"p2s": p2s}), MalformedToken, receiver(PBES2))
    assert calls == []


def test_E06_passwords_are_off_unless_named(calls: list[str]) -> None:
    token, key = pbes2(), receiver(PBES2)
    for words in ({}, {"algs": (PBES2,)}, {"allow_zip": True, "allow_rsa1_5": True}):
        assert outcome(lambda w=words: jwe.decrypt(token, key, **w)) is UnsupportedToken
        assert outcome(lambda w=words: jwe.decrypt_json(flat(token), key, **w)) is UnsupportedToken
    assert outcome(lambda: jwt.decrypt(token, key)) is UnsupportedToken
    assert calls == []
    assert jwe.decrypt(token, key, allow_pbes2=True).plaintext == b"x"
    assert calls.count("derive") == 1


@pytest.mark.parametrize("kid", [None, "k"])
def test_E06_all_recipients_together_are_bounded(kid: str | None, calls: list[str]) -> None:
    header = {"alg": PBES2, "p2s": b64u(bytes(16)), "p2c": PBES2_COUNT_MAX // 2 + 1} | ({"kid": kid} if kid else {})
    key = receiver(PBES2)
    for count in (2, 64):
        token = general(*[recipient(header)] * count)
        assert outcome(lambda t=token: jwe.decrypt_json(t, key, allow_pbes2=True)) is MalformedToken
    assert calls == []
    few = [recipient({**header, "p2c": 1000 + n}) for n in range(5)]
    assert outcome(lambda: jwe.decrypt_json(general(*few), key, allow_pbes2=True)) is DecryptionFailed
    assert calls.count("derive") == 5
