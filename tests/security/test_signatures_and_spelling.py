"""ATTACKS 3.2: the mathematics of signatures, and one spelling for one token."""

import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from daypass import jwe, jws, jwt
from daypass.errors import (
    DecryptionFailed,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    TokenTooLarge,
    UnsupportedToken,
)
from daypass.jose.jwa import content_encryption as content_encryption_module
from daypass.jose.jwa import signature as signature_module
from daypass.jose.jwk import JWK
from daypass.tokens.verifier import Verifier
from tests.security import forge
from tests.security.forge import CURVES, POLICY, b64u, compact, refused, unb64u

EC_ALGS = list(CURVES)


def ecdsa_token(alg: str, spell: Callable[[int, int], bytes]) -> str:
    """A good ECDSA signature, its r and s spelled as the test wants."""
    return compact({"alg": alg, "typ": "JWT"}, forge.claims(), lambda data: spell(*forge.ecdsa(alg)(data)))


def fixed(alg: str, r: int, s: int) -> bytes:
    size = CURVES[alg][2]
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@pytest.mark.parametrize("alg", EC_ALGS)
def test_B01_psychic_signatures(alg: str) -> None:
    n, size = CURVES[alg][3], CURVES[alg][2]
    most = (1 << (8 * size)) - 1
    for r, s in ((0, 0), (0, 1), (1, 0), (n, n), (n, 1), (1, n), (0, n), (1, 1), (n - 1, n - 1), (most, most)):
        bad = ecdsa_token(alg, lambda *_, r=r, s=s: fixed(alg, r, s))
        refused(bad, InvalidSignature, forge.jwk(alg), good=ecdsa_token(alg, lambda r, s: fixed(alg, r, s)))
    refused(ecdsa_token(alg, lambda r, s: fixed(alg, 0, s)), InvalidSignature, forge.jwk(alg))
    refused(ecdsa_token(alg, lambda r, s: fixed(alg, r, 0)), InvalidSignature, forge.jwk(alg))


@pytest.mark.parametrize("alg", EC_ALGS)
@pytest.mark.parametrize(
    "spell",
    [
        lambda raw, der: b"",
        lambda raw, der: der,
        lambda raw, der: raw[:-1],
        lambda raw, der: raw + b"\0",
        lambda raw, der: b"\0" + raw,
        lambda raw, der: b"\0" + raw[: len(raw) // 2] + b"\0" + raw[len(raw) // 2 :],
        lambda raw, der: raw[: len(raw) // 2],
        lambda raw, der: raw + raw,
        lambda raw, der: raw * 60,
    ],
    ids=["empty", "DER", "short", "padded behind", "padded before", "each padded", "r alone", "twice", "huge"],
)
def test_B02_ecdsa_signatures_have_one_length(alg: str, spell: Callable[[bytes, bytes], bytes]) -> None:
    bad = ecdsa_token(alg, lambda r, s: spell(fixed(alg, r, s), encode_dss_signature(r, s)))
    refused(bad, InvalidSignature, forge.jwk(alg))


@pytest.mark.parametrize("alg", ["RS256", "PS256", "EdDSA", "Ed448"])
@pytest.mark.parametrize(
    "spell", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b"\0" + raw]
)
def test_B02_other_signatures_have_one_length(alg: str, spell: Callable[[bytes], bytes]) -> None:
    signers = {
        "RS256": forge.pkcs1(),
        "PS256": forge.pss(),
        "EdDSA": forge.ed25519_key().sign,
        "Ed448": forge.ed448_key().sign,
    }
    header, sign = {"alg": alg, "typ": "JWT"}, signers[alg]
    good = compact(header, forge.claims(), sign)
    bad = compact(header, forge.claims(), lambda data: spell(sign(data)))
    refused(bad, InvalidSignature, forge.jwk(alg), good=good)


@pytest.mark.parametrize("alg", EC_ALGS)
def test_B03_the_other_s_is_valid_and_no_other_token(alg: str) -> None:
    """Valid by the RFC, so accepted; nothing here may take a signature for the identity of a token."""
    token = ecdsa_token(alg, lambda r, s: fixed(alg, r, s))
    size, n = CURVES[alg][2], CURVES[alg][3]
    raw = unb64u(token.rpartition(".")[2])
    twin = (
        f"{token.rpartition('.')[0]}.{b64u(raw[:size] + (n - int.from_bytes(raw[size:], 'big')).to_bytes(size, 'big'))}"
    )
    assert twin != token
    verify = Verifier(forge.jwk(alg), issuer=forge.ISSUER, audience=forge.AUDIENCE, typ="JWT", cache_entries=4).verify
    assert verify(token)["jti"] == verify(twin)["jti"] == verify(twin)["jti"] == "j1"
    verified = jws.verify(twin, forge.jwk(alg))
    assert not hasattr(verified, "id")
    assert set(verified.__struct_fields__) == {"payload", "header", "key", "unprotected", "signatures"}
    assert set(verified.signatures[0].__struct_fields__) == {"index", "header", "unprotected", "key"}


def other_spellings(text: str) -> dict[str, str]:
    """Spellings that a lenient decoder takes for the same bytes, or for some."""
    found = {
        "padded": text + "=" * (-len(text) % 4 or 4),
        "one =": text + "=",
        "== in the middle": text[:4] + "==" + text[4:],
        "space before": " " + text,
        "space behind": text + " ",
        "space inside": text[:3] + " " + text[3:],
        "newline behind": text + "\n",
        "newline inside": text[:4] + "\n" + text[4:],
        "CRLF inside": text[:4] + "\r\n" + text[4:],
        "tab": text[:2] + "\t" + text[2:],
        "junk inside": text[:4] + "!!!!" + text[4:],
        "NUL": text[:4] + "\0" + text[4:],
        "NUL behind": text + "\0",
        "not ASCII": text[:4] + "\u00e9" + text[4:],
        "full-width letter": text[:4] + "\uff21" + text[5:],
        "length of 4n + 1": text + "A" * ((1 - len(text)) % 4 or 4),
        "JSON escape": text[:4] + f"\\u{ord(text[4]):04x}" + text[5:],
        "quote": text[:4] + '"' + text[4:],
        "percent": text[:4] + f"%{ord(text[4]):02x}" + text[5:],
    }
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(text) % 4:
        found["stray bits"] = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    return found


def with_length(rest: int, at: int) -> str:
    """A good token whose segment has a length of 4n + rest, so that stray bits exist where they can."""
    for size in range(4):
        header = {"alg": "HS256", "typ": "JWT", "x": "y" * size}
        token = forge.token(header, forge.claims(x="y" * size))
        if len(token.split(".")[at]) % 4 == rest:
            return token
    raise AssertionError


SPELLINGS = list(other_spellings("QUJDREU"))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("at", [0, 1, 2], ids=["header", "payload", "signature"])
def test_B04_a_segment_has_one_spelling(spelling: str, at: int) -> None:
    for rest in (2, 3, 0) if at < 2 else (3,):
        token = with_length(rest, at)
        segments = token.split(".")
        if spelling in (respelled := other_spellings(segments[at])):
            refused(".".join([*segments[:at], respelled[spelling], *segments[at + 1 :]]), MalformedToken, good=token)


@pytest.mark.parametrize("at", [0, 1, 2], ids=["header", "payload", "signature"])
def test_B04_even_signed_as_it_stands(at: int) -> None:
    """The MAC covers the encoded form: it holds for the other spelling, and the spelling is refused."""
    for spelling, header in other_spellings(b64u(b'{"alg":"HS256","typ":"JWT"} ')).items():
        payload = b64u(forge.octets(forge.claims()))
        if not header.isascii():
            continue
        segments = [header, payload] if at == 0 else [b64u(b'{"alg":"HS256","typ":"JWT"}'), payload]
        if at == 1:
            segments[1] = other_spellings(payload + "" if len(payload) % 4 else payload).get(spelling, payload + "=")
        signature = b64u(forge.hs256()(".".join(segments).encode()))
        refused(".".join([*segments, signature + ("=" if at == 2 else "")]), MalformedToken)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "Ed448"])
def test_B04_the_signature_of_an_asymmetric_key_has_one_spelling(alg: str) -> None:
    sign = {
        "RS256": forge.pkcs1(),
        "ES256": lambda data: fixed("ES256", *forge.ecdsa("ES256")(data)),
        "EdDSA": forge.ed25519_key().sign,
        "Ed448": forge.ed448_key().sign,
    }[alg]
    token = compact({"alg": alg, "typ": "JWT"}, forge.claims(), sign)
    head, body, signature = token.split(".")
    for respelled in other_spellings(signature).values():
        refused(f"{head}.{body}.{respelled}", MalformedToken, forge.jwk(alg), good=token)
    standard = b64encode(b"\xfb\xff" * 32).decode().rstrip("=")
    assert "+" in standard or "/" in standard
    refused(f"{head}.{body}.{standard}", MalformedToken, forge.jwk(alg))


def test_B04_the_standard_alphabet() -> None:
    payload = b'{"a":"' + "\u00bf\u00ff".encode() * 8 + b'"}'
    standard = b64encode(payload).decode().rstrip("=")
    assert {"+", "/"} & set(standard)
    head = b64u(b'{"alg":"HS256"}')
    refused(f"{head}.{standard}.{b64u(forge.hs256()(f'{head}.{standard}'.encode()))}", MalformedToken)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "alg, name", [("HS256", "k"), ("RS256", "n"), ("RS256", "e"), ("ES256", "x"), ("ES256", "y"), ("EdDSA", "x")]
)
def test_B04_a_member_of_a_jwk_has_one_spelling(alg: str, name: str, spelling: str) -> None:
    members = forge.jwk(alg).to_dict(private=alg == "HS256")
    long_enough = members[name] if len(members[name]) > 4 else members[name] + "AAAA"
    if spelling in (respelled := other_spellings(long_enough)):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, name: respelled[spelling]})


@pytest.mark.parametrize("alg, name", [("RS256", "d"), ("ES256", "d"), ("EdDSA", "d")])
def test_B04_a_private_member_too(alg: str, name: str) -> None:
    members = JWK.generate(alg).to_dict(private=True)
    for text in other_spellings(members[name]).values():
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, name: text})


def test_B04_a_number_has_no_leading_zeros() -> None:
    """RFC 7518 2: the minimum number of octets."""
    members = forge.jwk("RS256").to_dict()
    for name in ("n", "e"):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, name: b64u(b"\0" + unb64u(members[name]))})


@pytest.mark.parametrize("dots", [0, 1, 3, 4, 5, 6, 100])
def test_B05_three_segments(dots: int) -> None:
    head, body, mac = forge.token().split(".")
    segments = ([head, body, mac] + ["AAAA"] * dots)[: dots + 1]
    refused(".".join(segments), MalformedToken, good=f"{head}.{body}.{mac}")
    refused("." * dots, MalformedToken)
    if dots > 2:
        refused(f"{head}.{body}.{mac}" + "." * (dots - 2), MalformedToken)


def test_B05_two_million_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    refused("." * 2_000_000, TokenTooLarge)
    dots = "." * 1_000_000
    with pytest.raises(MalformedToken):
        jws.verify(dots, forge.jwk("HS256"))
    with pytest.raises(MalformedToken):
        jwt.verify(dots, forge.jwk("HS256"), bytes_max=2_000_000)


def test_B05_a_segment_may_not_be_missing() -> None:
    head, body, mac = forge.token().split(".")
    for bad in (f".{body}.{mac}", f".{body}.", "..", f"..{mac}"):
        refused(bad, MalformedToken)
    refused(f"{head}.{body}.", InvalidSignature)
    refused(f"{head}..{mac}", InvalidSignature)


def test_B06_pkcs1_and_pss_are_two_algorithms() -> None:
    for alg, sign in (("RS256", forge.pss()), ("PS256", forge.pkcs1())):
        refused(compact({"alg": alg, "typ": "JWT"}, forge.claims(), sign), InvalidSignature, forge.jwk(alg))


@pytest.mark.parametrize("salt", [0, 1, 20, 31, 33, 64, 222], ids=str)
def test_B06_the_salt_is_as_long_as_the_hash(salt: Any) -> None:
    good = compact({"alg": "PS256", "typ": "JWT"}, forge.claims(), forge.pss(32))
    bad = compact({"alg": "PS256", "typ": "JWT"}, forge.claims(), forge.pss(salt))
    refused(bad, InvalidSignature, forge.jwk("PS256"), good=good)


HASHES = {"PS256": hashes.SHA256(), "PS384": hashes.SHA384(), "PS512": hashes.SHA512()}


@pytest.mark.parametrize("alg", HASHES)
@pytest.mark.parametrize("mask", HASHES)
@pytest.mark.parametrize("salt", [0, 32, 48, 64, 190])
def test_B06_salt_and_mask_are_those_of_the_algorithm(alg: str, mask: str, salt: int) -> None:
    how = padding.PSS(mgf=padding.MGF1(HASHES[mask]), salt_length=salt)
    token = compact(
        {"alg": alg, "typ": "JWT"}, forge.claims(), lambda data: forge.rsa_key().sign(data, how, HASHES[alg])
    )
    right = mask == alg and salt == HASHES[alg].digest_size
    refused(token, "accepted" if right else InvalidSignature, forge.jwk(alg))


def test_B07_a_mac_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = signature_module.compare_digest

    def watched(mine: bytes, theirs: bytes) -> bool:
        compared.append((mine, theirs))
        return real(mine, theirs)

    monkeypatch.setattr(signature_module, "compare_digest", watched)
    key = JWK.from_secret(forge.SECRET, alg="HS256")
    signature = forge.token().rpartition(".")[2].encode()
    assert jwt.verify(forge.token(), key, policy=POLICY)
    assert compared == [(signature, signature)]
    with pytest.raises(InvalidSignature):
        jws.verify(forge.token(secret=b"x" * 32), key)
    assert len(compared) == 2


@pytest.mark.parametrize("enc", ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"])
def test_B07_so_is_the_tag_of_an_encrypted_token(enc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of GCM are compared by OpenSSL."""
    compared: list[tuple[bytes, bytes]] = []
    real = content_encryption_module.compare_digest
    monkeypatch.setattr(content_encryption_module, "compare_digest", lambda *both: compared.append(both) or real(*both))
    key = JWK.generate(enc)
    token = jwe.encrypt(b"x", key, enc=enc)
    tag = unb64u(token.rpartition(".")[2])
    assert jwe.decrypt(token, key).plaintext == b"x"
    assert compared == [(tag, tag)]
    with pytest.raises(DecryptionFailed):
        jwe.decrypt(f"{token.rpartition('.')[0]}.{b64u(bytes(len(tag)))}", key)
    assert compared[1:] == [(tag, bytes(len(tag)))]


def test_B08_no_arithmetic_of_our_own() -> None:
    """The pure Python libraries whose timing leaks keys (CVE-2024-23342) are not even loaded."""
    program = (
        "import sys; from daypass import JWK, jwe, jwt\n"
        "for alg in ('ES256', 'ES256K', 'RS256', 'EdDSA', 'Ed448', 'ML-DSA-44'):\n"
        "    key = JWK.generate(alg); jwt.verify(jwt.sign({}, key), key)\n"
        "for alg in ('ECDH-ES', 'RSA-OAEP', 'A128KW'):\n"
        "    key = JWK.generate(alg); jwe.decrypt(jwe.encrypt(b'', key, enc='A128GCM'), key)\n"
        "print(sorted({'ecdsa', 'rsa', 'fastecdsa', 'tinyec', 'Crypto'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ED25519_PRIME = 2**255 - 19
SMALL_ORDER_Y = [
    0,
    1,
    ED25519_PRIME - 1,
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    ED25519_PRIME,
    ED25519_PRIME + 1,
]
SMALL_ORDER_POINTS = [(y | sign << 255).to_bytes(32, "little") for y in SMALL_ORDER_Y for sign in (0, 1)]
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
SPKI_ED448 = bytes.fromhex("3043300506032b6571033a00")


def pem_of(der: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize("point", SMALL_ORDER_POINTS, ids=bytes.hex)
def test_B09_a_small_order_key_of_ed25519_is_no_key(point: bytes) -> None:
    for alg in ("EdDSA", "Ed25519"):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({"kty": "OKP", "crv": "Ed25519", "x": b64u(point)}, alg=alg)
        with pytest.raises(KeyFormatError):
            JWK.from_pem(pem_of(SPKI_ED25519 + point), alg=alg)


def test_B09_a_mixed_order_or_foreign_point_is_no_key() -> None:
    """A point beyond the prime-order group, and encodings of no point at all."""
    from nacl.bindings import crypto_core_ed25519_add

    honest = unb64u(forge.jwk("EdDSA").to_dict()["x"])
    mixed = crypto_core_ed25519_add(honest, SMALL_ORDER_POINTS[4])  # of order 2
    for point in (mixed, b"\2" + bytes(31), b"\xff" * 32, (ED25519_PRIME + 3).to_bytes(32, "little")):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({"kty": "OKP", "crv": "Ed25519", "x": b64u(point)})


ED448_PRIME = 2**448 - 2**224 - 1


@pytest.mark.parametrize("y", [0, 1, ED448_PRIME - 1, ED448_PRIME, ED448_PRIME + 1, 2**448 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_B09_a_small_order_key_of_ed448_is_no_key(y: int, sign: int) -> None:
    """OpenSSL accepts forgeries under the points of order four."""
    point = y.to_bytes(56, "little") + bytes([sign << 7])
    with pytest.raises(KeyFormatError):
        JWK.from_dict({"kty": "OKP", "crv": "Ed448", "x": b64u(point)}, alg="Ed448")
    with pytest.raises(KeyFormatError):
        JWK.from_pem(pem_of(SPKI_ED448 + point), alg="Ed448")


def test_B09_the_scalar_of_a_signature_is_canonical() -> None:
    def lifted(data: bytes) -> bytes:
        raw = forge.ed25519_key().sign(data)
        return raw[:32] + (int.from_bytes(raw[32:], "little") + ED25519_ORDER).to_bytes(32, "little")

    good = compact({"alg": "EdDSA", "typ": "JWT"}, forge.claims(), forge.ed25519_key().sign)
    refused(
        compact({"alg": "EdDSA", "typ": "JWT"}, forge.claims(), lifted),
        InvalidSignature,
        forge.jwk("EdDSA"),
        good=good,
    )


ED448_ORDER = 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885


def test_B09_so_is_that_of_ed448() -> None:
    def lifted(data: bytes) -> bytes:
        raw = forge.ed448_key().sign(data)
        return raw[:57] + (int.from_bytes(raw[57:], "little") + ED448_ORDER).to_bytes(57, "little")

    header = {"alg": "Ed448", "typ": "JWT"}
    good = compact(header, forge.claims(), forge.ed448_key().sign)
    refused(good, "accepted", forge.jwk("Ed448"))
    refused(compact(header, forge.claims(), lifted), InvalidSignature, forge.jwk("Ed448"), good=good)
    for r in (bytes(57), b"\1" + bytes(56), (ED448_PRIME - 1).to_bytes(57, "little")):
        bad = compact(header, forge.claims(), lambda _, r=r: r + bytes(57))
        refused(bad, InvalidSignature, forge.jwk("Ed448"), good=good)


@pytest.mark.parametrize("point", SMALL_ORDER_POINTS, ids=bytes.hex)
def test_B09_a_small_order_r_is_no_signature(point: bytes) -> None:
    bad = compact({"alg": "EdDSA", "typ": "JWT"}, forge.claims(), lambda _: point + bytes(32))
    refused(bad, InvalidSignature, forge.jwk("EdDSA"))


def test_B09_a_curve_under_the_name_of_the_other() -> None:
    ed448 = forge.jwk("Ed448").to_dict()
    for members in ({**ed448, "alg": "Ed25519"}, {**ed448, "crv": "Ed25519"}, {**ed448, "crv": "X448"}):
        with pytest.raises(KeyFormatError):
            JWK.from_dict(members)
    with pytest.raises(KeyFormatError):
        JWK.from_pem(forge.public_pem(forge.ed448_key()), alg="Ed25519")
    bad = compact({"alg": "Ed25519", "typ": "JWT"}, forge.claims(), forge.ed448_key().sign)
    refused(bad, UnsupportedToken, forge.jwk("Ed448"))
    other = compact({"alg": "EdDSA", "typ": "JWT"}, forge.claims(), forge.ed448_key().sign)
    refused(other, InvalidSignature, forge.jwk("EdDSA"))
    refused(other, UnsupportedToken, forge.jwk("Ed25519"))


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_B10_ml_dsa_is_bound_to_its_parameters(alg: str) -> None:
    """RFC 9964 3 to 5; more of it in tests/unit/jose/test_jwk_members.py."""
    key = JWK.generate(alg)
    members = key.to_dict(private=True)
    for bad in (
        {name: value for name, value in members.items() if name != "alg"},
        {**members, "priv": b64u(bytes(31))},
        {**members, "priv": b64u(bytes(33))},
        {**members, "priv": b64u(bytes(32))},
        *({**members, "alg": other} for other in ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "ES256") if other != alg),
    ):
        with pytest.raises(KeyFormatError):
            JWK.from_dict(bad)
    assert jwt.verify(jwt.sign({"sub": "u1"}, key), key.public())["sub"] == "u1"
    signature = unb64u(jws.sign(b"x", key).rpartition(".")[2])
    for other in {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "HS256", "none"} - {alg}:
        refused(
            compact({"alg": other, "typ": "JWT"}, forge.claims(), lambda _: signature), UnsupportedToken, key.public()
        )
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(len(signature)), signature):
        bad_token = compact({"alg": alg, "typ": "JWT"}, forge.claims(), lambda _, wrong=wrong: wrong)
        refused(bad_token, InvalidSignature, key.public())


@pytest.mark.parametrize("alg", ["RS256", *EC_ALGS, "EdDSA", "Ed448"])
def test_B11_a_private_jwk_has_its_own_public_half(alg: str) -> None:
    mine, other = JWK.generate(alg).to_dict(private=True), JWK.generate(alg).to_dict(private=True)
    for name in ("n", "x", "y", "d"):
        if name in mine:
            with pytest.raises(KeyFormatError):
                JWK.from_dict({**mine, name: other[name]})
    if "y" in mine:
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**mine, "x": other["x"], "y": other["y"]})


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi"])
def test_B11_each_part_of_an_rsa_key_belongs_to_it(name: str) -> None:
    mine, other = (jwk_of(key) for key in (forge.rsa_key(), forge.other_rsa_key()))
    with pytest.raises(KeyFormatError):
        JWK.from_dict({**mine, name: other[name]})
    with pytest.raises(KeyFormatError):
        JWK.from_dict({member: value for member, value in mine.items() if member != name})


def jwk_of(key: Any) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return JWK.from_pem(pem, alg="RS256").to_dict(private=True)


def test_B11_d_alone_belongs_to_the_modulus() -> None:
    mine, other = (jwk_of(key) for key in (forge.rsa_key(), forge.other_rsa_key()))
    alone = {name: mine[name] for name in ("kty", "n", "e", "d")}
    assert JWK.from_dict(alone, alg="RS256").is_private
    for d in (other["d"], b64u(b"\x7f" * 30_000), "AQ"):
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**alone, "d": d}, alg="RS256")


@pytest.mark.parametrize("alg", ["ES256", "ES512", "ES256K"])
def test_B11_in_pem_too(alg: str) -> None:
    mine, other = JWK.generate(alg), JWK.generate(alg)
    size = CURVES[alg][2]
    points = []
    for key in (mine, other):
        members = key.to_dict()
        points.append(b"\4" + unb64u(members["x"]) + unb64u(members["y"]))
        assert len(points[-1]) == 2 * size + 1
    lines = mine.to_pem(private=True).decode().split("\n")
    der = b64decode("".join(lines[1:-2]))
    assert der.count(points[0]) == 1
    mixed = b64encode(der.replace(*points))
    with pytest.raises(KeyFormatError):
        JWK.from_pem(b"-----BEGIN PRIVATE KEY-----\n" + mixed + b"\n-----END PRIVATE KEY-----\n", alg=alg)


@pytest.mark.parametrize("alg", EC_ALGS)
def test_B11_a_point_lies_on_its_curve(alg: str) -> None:
    members = forge.jwk(alg).to_dict()
    size = CURVES[alg][2]
    for x, y in ((0, 0), (1, 1), (0, 1), ((1 << (8 * size)) - 1, 1)):
        off = {"x": b64u(x.to_bytes(size, "big")), "y": b64u(y.to_bytes(size, "big"))}
        with pytest.raises(KeyFormatError):
            JWK.from_dict({**members, **off})
