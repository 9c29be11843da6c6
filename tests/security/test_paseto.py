"""ATTACKS F, on PASETO and PASERK: keys of another kind, tokens that were changed, footers, claims, weak mathematics.

What is forged here is forged with `cryptography` and a PAE of its own.
"""

import inspect
import json
import time
from base64 import b64encode
from struct import pack
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from nacl.bindings import crypto_core_ed25519_add

from daypass import paseto
from daypass.claims import ClaimsPolicy
from daypass.errors import (
    ClaimError,
    DecryptionFailed,
    Expired,
    InvalidSignature,
    KeyFormatError,
    MalformedToken,
    MissingClaim,
    NotYetValid,
    TokenError,
    TokenTooLarge,
    UnsupportedToken,
)
from daypass.limits import FOOTER_BYTES_MAX, FOOTER_MEMBERS_MAX
from daypass.paseto import claims_token, message, paserk, paserk_password
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from daypass.paseto.payload import footer_members
from tests.paseto_keys import (
    EVERY_KIND,
    EVERY_VERSION,
    KINDS,
    VERSIONS,
    issue,
    issue_claims,
    issuing,
    joined,
    local,
    opening,
    parts,
    public,
    read,
    read_claims,
    secret,
)

CLAIMS = {"sub": "u1", "exp": 4_000_000_000}
FOOTER = b'{"kid":"k1"}'
L = 2**252 + 27742317777372353535851937790883648493  # the order of Ed25519
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973  # of P-384


def failure(purpose: str) -> type[TokenError]:
    """The one error of a token that nobody wrote."""
    return DecryptionFailed if purpose == "local" else InvalidSignature


def implicit_of(version: int) -> dict[str, bytes]:
    return {"implicit": b'{"user":7}'} if version > 2 else {}


def pae(*pieces: bytes) -> bytes:
    return b"".join([pack("<Q", len(pieces)), *(pack("<Q", len(it)) + it for it in pieces)])


# ------------------------------------------------------------------------------ F01 to F03: lucidity of keys


def test_F01_octets_are_of_one_kind_and_version_for_good() -> None:
    raw = bytes(range(32))
    as_local, as_public = LocalKey.from_bytes(4, raw), PublicKey.from_bytes(4, raw)
    token = paseto.encrypt(b"x", as_local)
    everything: list[tuple[Any, tuple[Any, ...]]] = [
        (paseto.encrypt, (as_public, secret(4), raw, "k4.local." + "A" * 43, None)),
        (paseto.sign, (as_local, as_public, secret(4).to_bytes(), None)),
        (paseto.encrypt_claims, (as_public, secret(4), raw, None)),
        (paseto.sign_claims, (as_local, as_public, secret(4).to_bytes(), None)),
        (paseto.decrypt, (as_public, secret(4), raw, None)),
        (paseto.verify, (as_local, secret(4), raw, None)),
        (paseto.decrypt_claims, (as_public, secret(4), raw, None)),
        (paseto.verify_claims, (as_local, secret(4), raw, None)),
    ]
    for act, keys in everything:
        first: Any = {} if "claims" in act.__name__ else b"x"
        for key in keys:
            with pytest.raises(TypeError, match="takes a"):
                act(token if act.__name__[0] in "dv" else first, key)


@pytest.mark.parametrize("version, purpose", KINDS)
def test_F01_F02_a_key_opens_its_own_kind_alone(version: Any, purpose: str) -> None:
    """Eight kinds of token under eight kinds of key, of the same octets wherever they can be."""
    raw, pair = bytes(range(32)), secret(4).to_bytes()
    writing = {kind: LocalKey.from_bytes(kind[0], raw) for kind in KINDS if kind[1] == "local"} | {
        kind: SecretKey.from_bytes(kind[0], pair) if kind[0] in (2, 4) else secret(kind[0])
        for kind in KINDS
        if kind[1] == "public"
    }
    token = issue(version, purpose, b'{"exp":"2999-01-01T00:00:00Z"}' * 20, writing[version, purpose], footer=FOOTER)
    header, held, footer = parts(token)
    for kind, key in writing.items():
        other = key if isinstance(key, LocalKey) else key.public()
        if kind == (version, purpose):
            assert read(*kind, token, other).footer == FOOTER
            continue
        with pytest.raises(UnsupportedToken) as raised:
            read(*kind, token, other)
        assert raised.value.kind == header.rstrip(".")
        with pytest.raises(failure(kind[1])):  # the header is authenticated, too
            read(*kind, joined(f"v{kind[0]}.{kind[1]}.", held, footer), other)


@EVERY_KIND
def test_F02_another_header_is_refused_before_any_cryptography(version: Any, purpose: str) -> None:
    def reached(*_: object) -> Any:
        raise AssertionError("a token of another kind was looked at")

    raw = opening(version, purpose).to_bytes()
    key: Any = (LocalKey if purpose == "local" else PublicKey).from_bytes(version, raw)
    token = issue(version, purpose, b"x")
    key.prepared.update(opener=reached, verifier=reached)
    with pytest.raises(AssertionError):
        read(version, purpose, token, key)  # so it would be noticed
    _, held, _ = parts(token)
    for other in (*KINDS, (5, "local"), (0, "public"), (44, "local"), (version, "Local"), (version, "secret")):
        if other != (version, purpose):
            is_known = other in KINDS
            with pytest.raises(UnsupportedToken if is_known else MalformedToken):
                read(version, purpose, joined(f"v{other[0]}.{other[1]}.", held), key)
    for header in ("V4.local.", "v4..", "v4.local", ".v4.local.", "", "k4.local.", "v\u0664.local."):
        with pytest.raises(MalformedToken):
            read(version, purpose, header.upper() if header == "v4.local." else header + "AAAA", key)


@EVERY_VERSION
def test_F03_a_shared_key_has_exactly_32_bytes(version: Any) -> None:
    for size in (*range(32), *range(33, 70), 128, 4096):
        with pytest.raises(KeyFormatError, match="exactly 32 bytes"):
            LocalKey.from_bytes(version, bytes(size))
    eights = memoryview(bytes(256)).cast("Q")
    assert len(eights) == 32
    with pytest.raises(KeyFormatError):
        LocalKey.from_bytes(version, eights)


# --------------------------------------------------------------------------- F04 to F06: footer and assertion


@EVERY_KIND
def test_F04_footer_and_assertion_are_authenticated(version: Any, purpose: str) -> None:
    words, error = implicit_of(version), failure(purpose)
    header, held, _ = parts(token := issue(version, purpose, b"x", footer=FOOTER, **words))
    assert read(version, purpose, token, footer=FOOTER, **words).footer == FOOTER
    for footer in (b"", FOOTER + b" ", FOOTER[:-1], b"\0", FOOTER * 2, b'{"kid":"k2"}'):
        with pytest.raises(error):
            read(version, purpose, joined(header, held, footer), **words)
        with pytest.raises(error):
            read(version, purpose, token, footer=footer, **words)
        with pytest.raises(error):  # changed, and expected so
            read(version, purpose, joined(header, held, footer), footer=footer, **words)
    for implicit in (b"", b'{"user":8}', FOOTER, b"\0") if words else ():
        with pytest.raises(error):
            read(version, purpose, token, implicit=implicit)
    bare = issue(version, purpose, b"x", **words)
    with pytest.raises(error):  # a footer that was added
        read(version, purpose, bare + "." + token.split(".")[3], **words)
    if words:  # what moves from one place to the other is another token
        moved = issue(version, purpose, b"x", footer=words["implicit"])
        with pytest.raises(error):
            read(version, purpose, moved.rpartition(".")[0], implicit=words["implicit"])
    else:
        with pytest.raises(ValueError, match="no implicit assertion"):
            read(version, purpose, token, implicit=b"x")
        with pytest.raises(ValueError, match="no implicit assertion"):
            issue(version, purpose, b"x", implicit=b"x")


@EVERY_KIND
def test_F05_a_footer_is_bounded_before_it_is_decoded(
    version: Any, purpose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = bytes(FOOTER_BYTES_MAX)
    token = issue(version, purpose, b"x", footer=longest)
    assert read(version, purpose, token, footer=longest).footer == longest
    with pytest.raises(ValueError, match="footer has at most"):
        issue(version, purpose, b"x", footer=longest + b"x")
    with pytest.raises(ValueError, match="footer has at most"):
        read(version, purpose, token, footer=longest + b"x")
    head = token.rpartition(".")[0]
    monkeypatch.setattr("daypass.paseto.token_text.b64url_decode", None)  # whoever comes so far fails loudly
    monkeypatch.setattr("daypass.paseto.message.decode_footer", None)
    for size in (len(token.rpartition(".")[2]) + 1, 900_000):
        with pytest.raises(TokenTooLarge, match="footer is longer"):
            read(version, purpose, head + "." + "A" * size)
    with pytest.raises(TokenTooLarge):
        read(version, purpose, head + "." + "A" * 2_000_000)


def test_F05_a_footer_in_json_is_flat_small_and_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"m{i}": i for i in range(FOOTER_MEMBERS_MAX)}
    assert footer_members(json.dumps(many, separators=(",", ":")).encode()) == many
    assert footer_members(b' {"kid": "a", "n": 1.5, "b": true, "z": null} ')["kid"] == "a"
    bad = [
        json.dumps({**many, "one": 1}).encode(),
        b'{"a":{"b":1}}',
        b'{"a":[]}',
        b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}",
        b'{"a":' * 1500 + b"1" + b"}" * 1500,
        b"[" * FOOTER_BYTES_MAX,
        b'{"kid":"a","kid":"b"}',
        b'{"kid":"a","\\u006bid":"b"}',
        b'{"kid":"a"} ' + b" " * FOOTER_BYTES_MAX,
        *(
            b"",
            b"[]",
            b'"x"',
            b"null",
            b"1",
            b"kid",
            b'{"a":NaN}',
            b'{"a":1e999}',
            b"{'a':1}",
            b'{"a":1,}',
            b'{"a":1}x',
        ),
        *(b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\0"}'),
    ]
    for footer in bad:
        with pytest.raises(MalformedToken):
            footer_members(footer)
    monkeypatch.setattr("daypass.paseto.payload._flat_object", None)
    with pytest.raises(MalformedToken, match="at most"):  # not even read
        footer_members(b" " * (FOOTER_BYTES_MAX + 1))


def test_F06_a_footer_brings_no_key() -> None:
    """Neither a public key, nor a key wrapped in a PASERK that this verifier could open."""
    theirs = SecretKey.generate(4)
    for member in ("kid", "pk", "jwk", "key"):
        footer = json.dumps({member: paserk.dump(theirs.public())}).encode()
        with pytest.raises(InvalidSignature):
            paseto.verify_claims(paseto.sign_claims(CLAIMS, theirs, footer=footer), public(4))
    wrapped = LocalKey.generate(4)
    footer = json.dumps({"wpk": paserk.dump(wrapped, wrapping_key=local(4))}).encode()
    token = paseto.encrypt_claims(CLAIMS, wrapped, footer=footer)
    with pytest.raises(DecryptionFailed):
        paseto.decrypt_claims(token, local(4))
    assert paseto.decrypt_claims(token, wrapped)["sub"] == "u1"


# ----------------------------------------------------------------------------------- F07 and F08: the claims


@EVERY_KIND
def test_F07_claims_are_always_checked(version: Any, purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(payload: Any, error: type[TokenError], **policy: Any) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        with pytest.raises(TokenError) as raised:
            read_claims(version, purpose, issue(version, purpose, raw), policy=ClaimsPolicy(**policy))
        assert type(raised.value) is error, payload

    now_s = int(time.time())
    past, future = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    refused({"exp": past}, Expired)
    refused({"sub": "u"}, MissingClaim)
    refused({"exp": future, "nbf": future}, NotYetValid)
    refused({"exp": future, "iat": future}, NotYetValid, max_age_s=60)
    refused({"exp": future, "iat": past}, ClaimError, max_age_s=60)
    refused({"exp": future, "aud": ["a", "b"]}, ClaimError, audience="a")
    refused({"exp": future, "aud": ["a"]}, ClaimError, audience="a")
    for aud in ([], "", None, 5, {"a": 1}, "ab", "A"):
        token = issue(version, purpose, json.dumps({"exp": future, "aud": aud}).encode())
        with pytest.raises(ClaimError):
            read_claims(version, purpose, token, policy=ClaimsPolicy(audience="a"))
    for payload in (b"[]", b'[{"exp":"2999-01-01T00:00:00Z"}]', b'"x"', b"1", b"null", b"", b"\xff", b"{", b"{}x"):
        refused(payload, MalformedToken)
    refused(b'{"exp":"2020-01-01T00:00:00Z","exp":"2999-01-01T00:00:00Z"}', MalformedToken)
    refused(b'{"exp":"2999-01-01T00:00:00Z","a":{"b":1,"\\u0062":2}}', MalformedToken)
    with pytest.raises(ValueError, match="one audience"):
        issue_claims(version, purpose, {"aud": ["a", "b"]})

    claims = read_claims(version, purpose, issue_claims(version, purpose, {"sub": "u"}))
    assert claims["exp"] - claims["iat"] == 3600  # what 05-API-UX asks for
    assert 0 <= claims["iat"] - now_s < 60
    token = issue_claims(version, purpose, {"exp": 1000})
    for clock, holds in ((999.9, True), (1000, False), (1001, False), (float("nan"), False)):
        monkeypatch.setattr(claims_token, "time", SimpleNamespace(time=lambda clock=clock: clock))
        if holds:
            assert read_claims(version, purpose, token) == {"exp": 1000}
        else:
            with pytest.raises(Expired):
                read_claims(version, purpose, token)


def test_F08_a_time_is_rfc_3339_in_upper_case_with_an_offset() -> None:
    spelled = ["2999-01-01T00:00:00z", "2999-01-01t00:00:00Z", "2999-01-01T00:00:00", "2999-01-01 00:00:00Z"]
    spelled += ["2999-01-01", "2999-W01-1T00:00:00Z", "29990101T000000Z", "2999-01-01T00:00Z", "2999-01-01T00Z"]
    spelled += ["2999-01-01T00:00:00+0000", "2999-01-01T00:00:00+00", "2999-01-01T00:00:00+24:00", "32472144000"]
    spelled += ["2999-01-01T00:00:00,5Z", "2999-01-01T00:00:00.Z", "2999-01-01T24:00:00Z", "2999-01-01T00:00:60Z"]
    spelled += ["2999-02-30T00:00:00Z", "2999-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "12999-01-01T00:00:00Z"]
    spelled += [" 2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z\n", "2999-01-01T00:00:00Z\0", "Thu, 01 Jan 2999", ""]
    spelled += ["\u0662\u0669\u0669\u0669-01-01T00:00:00Z", "2999-01-01T00:00:00+00:00Z", "+2999-01-01T00:00:00Z"]
    spelled += ["2999-01-01T00:00:00." + "0" * 10 + "Z", "2999-01-01T00:00:00\u2212" + "01:00"]
    for value in [*spelled, 4_000_000_000, 4e9, True, None, [4_000_000_000], {"$date": 1}]:
        for name in ("exp", "nbf", "iat"):
            payload = json.dumps({"exp": "2999-01-01T00:00:00Z", name: value}).encode()
            with pytest.raises(ClaimError) as raised:
                paseto.verify_claims(paseto.sign(payload, secret(4)), public(4))
            assert (raised.value.claim, raised.value.reason) == (name, "type")


# ---------------------------------------------------------------------------------- F09: one spelling, no more

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@EVERY_KIND
def test_F09_no_character_of_a_token_can_be_another(version: Any, purpose: str) -> None:
    token, words = (
        issue(version, purpose, b'{"sub":"u1"}', footer=b"foot", **implicit_of(version)),
        implicit_of(version),
    )
    for at, letter in enumerate(token):
        place = ALPHABET.find(letter)
        near = {ALPHABET[place ^ 1], ALPHABET[place ^ 32], ALPHABET[place ^ 2]} if place >= 0 else set("A_")
        for other in (near | {letter.swapcase(), *"=.+/ \n\0\u0100"}) - {letter}:
            with pytest.raises(TokenError):
                read(version, purpose, f"{token[:at]}{other}{token[at + 1 :]}", **words)
        with pytest.raises(TokenError):
            read(version, purpose, token[:at], **words)
        with pytest.raises(TokenError):
            read(version, purpose, token[:at] + token[at + 1 :], **words)


@EVERY_KIND
def test_F09_no_bit_of_what_a_token_holds_can_be_another(version: Any, purpose: str) -> None:
    words, error = implicit_of(version), failure(purpose)
    header, held, footer = parts(issue(version, purpose, b'{"sub":"u1"}', footer=b"foot", **words))
    for at in range(len(held)):
        for flip in (0x01, 0x80, 0xFF):
            changed = held[:at] + bytes([held[at] ^ flip]) + held[at + 1 :]
            with pytest.raises(error):
                read(version, purpose, joined(header, changed, footer), **words)
    for at in range(len(footer)):
        changed = footer[:at] + bytes([footer[at] ^ 1]) + footer[at + 1 :]
        with pytest.raises(error):
            read(version, purpose, joined(header, held, changed), **words)
    for changed in (held + b"\0", b"\0" + held, held[1:], held[:-1], held[:-1] + held[-1:] * 2):
        with pytest.raises(error):
            read(version, purpose, joined(header, changed, footer), **words)


@EVERY_KIND
def test_F09_what_is_too_short_to_hold_anything_is_refused(version: Any, purpose: str) -> None:
    for size in (*range(100), 255):
        for byte in (b"\0", b"\xff"):
            with pytest.raises((DecryptionFailed, InvalidSignature, MalformedToken)):
                read(version, purpose, joined(f"v{version}.{purpose}.", byte * size))


# -------------------------------------------------------------------------------- F10 and F11: the versions


def test_F10_nobody_chooses_a_nonce() -> None:
    for act in (paseto.encrypt, paseto.encrypt_claims, paseto.sign, paseto.sign_claims):
        assert not [name for name in inspect.signature(act).parameters if "nonce" in name or "random" in name]


@EVERY_VERSION
def test_F10_a_nonce_is_new_each_time(version: Any) -> None:
    size = 24 if version == 2 else 32
    held = [parts(issue(version, "local", b"the same"))[1] for _ in range(50)]
    assert len({it[:size] for it in held}) == len({it[size:] for it in held}) == 50


@pytest.mark.parametrize("version", [1, 2])
def test_F10_a_generator_that_repeats_itself_repeats_no_nonce_for_another_message(version: Any) -> None:
    seal = message.local_protocol(local(version)).sealer(local(version).to_bytes(), bytes)
    size = 24 if version == 2 else 32
    nonces = {seal(payload, b"", b"")[:size] for payload in (b"", b"a", b"b", bytes(100))}
    assert len(nonces) == 4
    assert bytes(size) not in nonces


def ecdsa(*pieces: bytes) -> bytes:
    r, s = decode_dss_signature(secret(3).material.sign(pae(*pieces), ec.ECDSA(hashes.SHA384())))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def test_F11_v3_authenticates_the_compressed_point() -> None:
    point, body = public(3).to_bytes(), b'{"a":1}'
    uncompressed = secret(3).material.public_key().public_numbers()
    long = b"\x04" + uncompressed.x.to_bytes(48, "big") + uncompressed.y.to_bytes(48, "big")
    good = joined("v3.public.", body + ecdsa(point, b"v3.public.", body, b"", b""))
    assert paseto.verify(good, public(3)).payload == body
    other = PublicKey.from_bytes(3, SecretKey.generate(3).public().to_bytes()).to_bytes()
    for pieces in (
        (b"v3.public.", body, b"", b""),
        (b"", b"v3.public.", body, b"", b""),
        (long, b"v3.public.", body, b"", b""),
        (bytes([point[0] ^ 1]) + point[1:], b"v3.public.", body, b"", b""),
        (other, b"v3.public.", body, b"", b""),
        (b"v3.public.", point, body, b"", b""),
        (point, b"v3.public.", body, b""),
        (point, b"v4.public.", body, b"", b""),
    ):
        with pytest.raises(InvalidSignature):
            paseto.verify(joined("v3.public.", body + ecdsa(*pieces)), public(3))
    with pytest.raises(KeyFormatError):
        PublicKey.from_bytes(3, long)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("purpose", ["local", "public"])
def test_F11_issuing_a_legacy_version_is_a_named_exception(version: Any, purpose: str) -> None:
    write: Any = paseto.encrypt if purpose == "local" else paseto.sign
    write_claims: Any = paseto.encrypt_claims if purpose == "local" else paseto.sign_claims
    for act, it in ((write, b"x"), (write_claims, {})):
        for words in ({}, {"allow_legacy": False}, {"allow_legacy": 1}, {"allow_legacy": "yes"}):
            with pytest.raises(ValueError, match=f"issue v{version + 2}, or say allow_legacy=True"):
                act(it, issuing(version, purpose), **words)
        assert act(it, issuing(version, purpose), allow_legacy=True).startswith(f"v{version}.{purpose}.")
    for modern in (3, 4):
        assert write(b"x", issuing(modern, purpose))


# ----------------------------------------------------------------------------------------- F12 and F13: PASERK


def test_F12_what_a_password_may_cost_is_bounded_before_it_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 GiB, 200 passes, 20 million rounds; tests/unit/paseto/test_paserk.py has the bounds one by one."""

    def reached(*_: object, **__: object) -> Any:
        raise AssertionError("work was done")

    monkeypatch.setattr(paserk_password, "pbkdf2_hmac", reached)
    monkeypatch.setattr("cryptography.hazmat.primitives.kdf.argon2.Argon2id", reached)
    for version in VERSIONS:
        costs = [pack(">I", 20_000_000), pack(">I", 2**32 - 1)]
        if version in (2, 4):
            costs = [pack(">QII", 8 * 2**30, 1, 1), pack(">QII", 2**20, 200, 1), pack(">QII", 2**26, 1, 2**24)]
        for cost in costs:
            for type_, size in (("local-pw", 32), ("secret-pw", 48 if version == 3 else 64)):
                tail = bytes((24 if version in (2, 4) else 16) + size + (32 if version in (2, 4) else 48))
                text = joined(f"k{version}.{type_}.", bytes(16 if version in (2, 4) else 32) + cost + tail)
                with pytest.raises(KeyFormatError, match=r"Argon2id|1000 to"):
                    paserk.load(text, password=b"x")


@EVERY_KIND
def test_F13_a_paserk_of_another_version_opens_no_token(version: Any, purpose: str) -> None:
    token = issue(version, purpose, b"x")
    raw = opening(version, purpose).to_bytes()
    for other in VERSIONS:
        text = joined(f"k{other}.{purpose}.", raw)
        if other == version:
            assert read(version, purpose, token, paserk.load(text, version=version)).payload == b"x"
            continue
        with pytest.raises(KeyFormatError):
            paserk.load(text, version=version)
        try:
            key = paserk.load(text)
        except KeyFormatError:
            continue  # not even a key of that version
        assert key.version == other
        with pytest.raises(UnsupportedToken):
            read(version, purpose, token, key)


# ----------------------------------------------------------------------------------------- weak mathematics

IDENTITY = b"\x01" + bytes(31)
SMALL = [
    IDENTITY,
    b"\xec" + b"\xff" * 30 + b"\x7f",
    bytes(32),
    bytes(31) + b"\x80",
    *(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc" + end) for end in ("05", "85")),
    *(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03" + end) for end in ("7a", "fa")),
]
NOT_CANONICAL = [
    IDENTITY[:-1] + b"\x80",
    b"\xec" + b"\xff" * 31,
    *(start + b"\xff" * 30 + end for start in (b"\xed", b"\xee") for end in (b"\x7f", b"\xff")),
]


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("raw", [*SMALL, *NOT_CANONICAL, b"\x02" + bytes(31), b"\xff" * 32], ids=bytes.hex)
def test_B09_an_ed25519_key_of_small_order_verifies_nothing(version: Any, raw: bytes) -> None:
    key = PublicKey.from_bytes(version, raw)
    assert key.to_bytes() == raw  # PASERK carries it
    for s in (bytes(32), IDENTITY, L.to_bytes(32, "little")):
        with pytest.raises(KeyFormatError, match="no valid point"):
            paseto.verify(joined(f"v{version}.public.", b"{}" + IDENTITY + s), key)
    with pytest.raises(KeyFormatError):
        paseto.verify_claims("x", key)


def test_B09_under_a_key_of_small_order_anybody_can_sign() -> None:
    """What the test above is about: a verifier that takes the key takes this signature under any message."""
    Ed25519PublicKey.from_public_bytes(IDENTITY).verify(IDENTITY + bytes(32), b"any message")
    mixed = crypto_core_ed25519_add(public(4).to_bytes(), SMALL[1])
    with pytest.raises(KeyFormatError, match="no valid point"):
        paseto.verify(issue(4, "public", b"x"), PublicKey.from_bytes(4, mixed))


@pytest.mark.parametrize("version", [2, 4])
def test_B09_an_ed25519_signature_has_one_form(version: Any) -> None:
    header, held, _ = parts(issue(version, "public", b"x"))
    s = int.from_bytes(held[-32:], "little")
    for other in (s + L, s + 2 * L, (-s) % L, 0, L, 2**256 - 1):
        with pytest.raises(InvalidSignature):
            paseto.verify(joined(header, held[:-32] + other.to_bytes(32, "little")), public(version))
    for point in (*SMALL, *NOT_CANONICAL):
        with pytest.raises(InvalidSignature):
            paseto.verify(joined(header, held[:-64] + point + held[-32:]), public(version))


def test_B01_ecdsa_with_numbers_out_of_range() -> None:
    values = [0, 1, N - 1, N, N + 1, 2**384 - 1]
    for r in values:
        for s in values:
            with pytest.raises(InvalidSignature):
                paseto.verify(joined("v3.public.", b"{}" + r.to_bytes(48, "big") + s.to_bytes(48, "big")), public(3))


def test_B03_both_forms_of_an_ecdsa_signature_hold() -> None:
    """FIPS 186-5 and RFC 6979 know no low s, nor does PASETO: so no token is an id of itself."""
    header, held, footer = parts(issue(3, "public", b"x", footer=b"f"))
    s = N - int.from_bytes(held[-48:], "big")
    again = joined(header, held[:-48] + s.to_bytes(48, "big"), footer)
    assert paseto.verify(again, public(3)).payload == b"x"
    with pytest.raises(InvalidSignature):
        paseto.verify(joined(header, held[:-48] + ((s + 1) % N).to_bytes(48, "big"), footer), public(3))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x02" + b"\xff" * 48,  # x is no member of the field
        b"\x02" + bytes(47) + b"\x01",  # no y belongs to it
        b"\x03" + bytes(47) + b"\x01",
    ],
)
def test_E07_a_point_that_is_not_on_p384_verifies_nothing(raw: bytes) -> None:
    key = PublicKey.from_bytes(3, raw)
    for _ in range(2):
        with pytest.raises(KeyFormatError, match="no valid point"):
            paseto.verify(issue(3, "public", b"x"), key)


def test_E07_a_point_of_p384_is_compressed() -> None:
    good = public(3).to_bytes()
    numbers = public(3).material.public_numbers()
    x, y = numbers.x.to_bytes(48, "big"), numbers.y.to_bytes(48, "big")
    for raw in (b"\x04" + x + y, b"\0", bytes(49), b"\x04" + x, b"\x06" + x, good + b"\0", good[:-1], b"\x06" + x + y):
        with pytest.raises(KeyFormatError, match="compressed point, 49 bytes"):
            PublicKey.from_bytes(3, raw)
    off = b"0v0\x10\x06\x07*\x86H\xce=\x02\x01\x06\x05+\x81\x04\x00\x22\x03b\x00\x04" + x + bytes([*y[:-1], y[-1] ^ 1])
    pem = b"-----BEGIN PUBLIC KEY-----\n" + b64encode(off) + b"\n-----END PUBLIC KEY-----\n"
    with pytest.raises(KeyFormatError, match="cannot be read"):
        PublicKey.from_pem(3, pem)
    on = pem.replace(b64encode(off), b64encode(off[:-1] + y[-1:]))
    assert PublicKey.from_pem(3, on).to_bytes() == good


@pytest.mark.parametrize("scheme", ["pkcs1", "salt of 32", "salt of none", "sha256", "mgf1 of sha256"])
def test_B06_v1_takes_pss_with_sha384_alone(scheme: str) -> None:
    sha384, sha256 = hashes.SHA384(), hashes.SHA256()

    def pss(salt: int, mask: Any = sha384) -> Any:
        return padding.PSS(mgf=padding.MGF1(mask), salt_length=salt)

    rows: dict[str, Any] = {
        "pkcs1": (padding.PKCS1v15(), sha384),
        "salt of 32": (pss(32), sha384),
        "salt of none": (pss(0), sha384),
        "sha256": (pss(48), sha256),
        "mgf1 of sha256": (pss(48, sha256), sha384),
    }
    body = b'{"a":1}'
    signed = pae(b"v1.public.", body, b"")
    sign = secret(1).material.sign
    assert paseto.verify(joined("v1.public.", body + sign(signed, pss(48), sha384)), public(1)).payload == body
    with pytest.raises(InvalidSignature):
        paseto.verify(joined("v1.public.", body + sign(signed, *rows[scheme])), public(1))
