"""Tokens that hold bytes: round trips, one spelling, bounds, and every mistake of a caller or a stranger."""

from typing import Any

import pytest

from daypass import paseto
from daypass.errors import DecryptionFailed, InvalidSignature, MalformedToken, TokenTooLarge
from daypass.limits import FOOTER_BYTES_MAX, TOKEN_BYTES_MAX
from daypass.paseto.message import OpenedToken
from daypass.paseto.token_text import is_paseto, join_token, split_token
from tests.paseto_keys import EVERY_KIND, issue, issuing, joined, local, opening, public, read, secret

FAILED = {"local": DecryptionFailed, "public": InvalidSignature}


@EVERY_KIND
def test_bytes_go_both_ways(version: Any, purpose: str) -> None:
    words = {"implicit": b"\0assertion"} if version > 2 else {}
    for payload in (b"", b"\0", b"x" * 1000, bytes(range(256)), b"\xff" * 63):
        for footer in (b"", b"f", b"\0\xff.", b"{}", bytes(FOOTER_BYTES_MAX)):
            token = issue(version, purpose, payload, footer=footer, **words)
            assert token.startswith(f"v{version}.{purpose}.")
            assert token.isascii()
            assert token.count(".") == 2 + bool(footer)
            assert not token.endswith(".")
            assert is_paseto(token)
            assert read(version, purpose, token, **words) == OpenedToken(payload, footer)
            assert read(version, purpose, token, footer=footer, **words) == OpenedToken(payload, footer)


@EVERY_KIND
def test_any_buffer_is_bytes(version: Any, purpose: str) -> None:
    for make in (bytearray, memoryview, lambda it: memoryview(it * 2)[: len(it)]):
        words = {"implicit": make(b"i")} if version > 2 else {}
        token = issue(version, purpose, make(b"payload"), footer=make(b"footer"), **words)  # type: ignore[operator]
        opened = read(version, purpose, token, footer=make(b"footer"), **words)  # type: ignore[operator]
        assert (opened.payload, opened.footer) == (b"payload", b"footer")
        assert (type(opened.payload), type(opened.footer)) == (bytes, bytes)
    every_other = memoryview(b"pxaxyxlxoxaxdx")[::2]
    token = issue(version, purpose, every_other, footer=every_other)
    assert read(version, purpose, token) == OpenedToken(b"payload", b"payload")
    eights = memoryview(bytes(8 * FOOTER_BYTES_MAX)).cast("Q")
    with pytest.raises(ValueError, match="footer has at most"):
        issue(version, purpose, b"x", footer=eights)


def test_encrypting_twice_gives_two_tokens_and_signing_one() -> None:
    assert issue(4, "local", b"x") != issue(4, "local", b"x")
    assert issue(4, "public", b"x") == issue(4, "public", b"x")
    assert issue(3, "public", b"x") == issue(3, "public", b"x")  # RFC 6979
    assert issue(1, "public", b"x") != issue(1, "public", b"x")


# ------------------------------------------------------------------------------------ mistakes of a caller


@EVERY_KIND
@pytest.mark.parametrize("wrong", ["", "text", None, 0, False, 5, [b"x"], {"a": 1}, {5}], ids=repr)
def test_what_is_no_bytes_is_a_type_error(version: Any, purpose: str, wrong: Any) -> None:
    good = issue(version, purpose, b"x")
    with pytest.raises(TypeError, match="payload is bytes"):
        issue(version, purpose, wrong)
    with pytest.raises(TypeError, match="footer is bytes"):
        issue(version, purpose, b"x", footer=wrong)
    with pytest.raises(TypeError, match="implicit is bytes"):
        issue(version, purpose, b"x", implicit=wrong)
    with pytest.raises(TypeError, match="implicit is bytes"):
        read(version, purpose, good, implicit=wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match="footer is bytes"):
            read(version, purpose, good, footer=wrong)


@EVERY_KIND
def test_a_token_that_nobody_takes_is_not_issued(version: Any, purpose: str) -> None:
    most = TOKEN_BYTES_MAX * 3 // 4 - 300
    token = issue(version, purpose, bytes(most))
    assert len(token) <= TOKEN_BYTES_MAX
    assert len(read(version, purpose, token).payload) == most
    with pytest.raises(ValueError, match=f"more than the {TOKEN_BYTES_MAX}"):
        issue(version, purpose, bytes(TOKEN_BYTES_MAX * 3 // 4))


@pytest.mark.parametrize("act", [paseto.encrypt, paseto.decrypt, paseto.sign, paseto.verify])
def test_a_key_of_another_kind_is_a_type_error(act: Any) -> None:
    fits = {paseto.encrypt: local, paseto.decrypt: local, paseto.sign: secret, paseto.verify: public}[act]
    for key in (local(4), secret(4), public(4), None, bytes(32), "k4.local.AAAA", 4):
        if key is not fits(4):
            with pytest.raises(TypeError, match="takes a"):
                act(b"x" if act in (paseto.encrypt, paseto.sign) else "v4.local.AAAA", key)


# ---------------------------------------------------------------------------------------- what arrives


@EVERY_KIND
@pytest.mark.parametrize("token", [None, 5, 1.5, True, b"v4.local.AAAA", ["v4"], {"a": 1}, {5}], ids=repr)
def test_what_is_no_text_is_no_token(version: Any, purpose: str, token: Any) -> None:
    with pytest.raises(MalformedToken, match="a token is a str"):
        read(version, purpose, token)


@EVERY_KIND
def test_a_token_has_one_spelling(version: Any, purpose: str) -> None:
    good = issue(version, purpose, b"payload", footer=b"footer!")
    head, _, footer = good.rpartition(".")
    bare = issue(version, purpose, b"payload1")
    prefix = f"v{version}.{purpose}."
    bad = {
        "": "version, purpose",
        ".": "version, purpose",
        "....": "version, purpose",
        "x": "version, purpose",
        prefix[:-1]: "version, purpose",
        prefix[:-1] + ":": "version, purpose",
        prefix.upper() + bare[len(prefix) :]: "version, purpose",
        f" {good}": "version, purpose",
        f"\n{good}": "version, purpose",
        f"Bearer {good}": "version, purpose",
        "\ufeff" + good: "ASCII",
        good + "\u00e9": "ASCII",
        good + "\ud800": "ASCII",
        good.replace("v", "\uff56", 1): "ASCII",
        bare + ".": "without a dot",
        bare + "..": "canonical base64url",
        good + ".": "canonical base64url",
        good + ".AAAA": "canonical base64url",
        head + ".." + footer: "canonical base64url",
        good + "=": "canonical base64url",
        good + "==": "canonical base64url",
        head + "=." + footer: "canonical base64url",
        good + "\n": "canonical base64url",
        good + " ": "canonical base64url",
        good + "\0": "canonical base64url",
        head + ".Zm9vdGVyIR": "canonical base64url",  # stray bits; Zm9vdGVyIQ is the spelling
        head + ".Zm9vdGVyI": "canonical base64url",
        head + ".Zm9v\nZGVyIQ": "canonical base64url",
        head + ".+/+/": "canonical base64url",
        head + ".\\u0041A": "canonical base64url",
        head + '.AA"A': "canonical base64url",
    }
    for token, reason in bad.items():
        with pytest.raises(MalformedToken, match=reason):
            read(version, purpose, token)
    assert read(version, purpose, head + ".Zm9vdGVyIQ").footer == b"footer!"


@EVERY_KIND
def test_every_last_character_but_one_is_refused(version: Any, purpose: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for payload in (b"a", b"ab", b"abc"):
        token = issue(version, purpose, payload)
        stray = {0: 1, 2: 16, 3: 4}[len(token.split(".")[2]) % 4]
        for last in alphabet:
            if last == token[-1]:
                continue
            is_spelling = alphabet.index(last) % stray == 0
            with pytest.raises(FAILED[purpose] if is_spelling else MalformedToken):
                read(version, purpose, token[:-1] + last)


@EVERY_KIND
def test_a_token_is_bounded_before_it_is_read(version: Any, purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = f"v{version}.{purpose}."
    with pytest.raises((DecryptionFailed, InvalidSignature)):
        read(version, purpose, prefix + "A" * ((TOKEN_BYTES_MAX - len(prefix)) // 4 * 4))
    monkeypatch.setattr("daypass.paseto.token_text.b64url_decode", None)
    for token in (prefix + "A" * TOKEN_BYTES_MAX, "." * (TOKEN_BYTES_MAX + 1), "\u00e9" * (TOKEN_BYTES_MAX + 1)):
        with pytest.raises(TokenTooLarge) as raised:
            read(version, purpose, token)
        assert "AAAA" not in str(raised.value)


def test_a_signed_token_that_cannot_hold_a_signature() -> None:
    for version, size in ((1, 256), (2, 64), (3, 96), (4, 64)):
        for short in (0, 1, size - 1):
            with pytest.raises(MalformedToken, match="too short"):
                read(version, "public", joined(f"v{version}.public.", bytes(short)))  # type: ignore[arg-type]
        with pytest.raises(InvalidSignature):
            read(version, "public", joined(f"v{version}.public.", bytes(size)))  # type: ignore[arg-type]


def test_an_encrypted_token_that_cannot_hold_a_tag() -> None:
    for version, size in ((1, 80), (2, 40), (3, 80), (4, 64)):
        for length in (0, 1, size - 1, size, size + 1):
            with pytest.raises(DecryptionFailed):
                read(version, "local", joined(f"v{version}.local.", bytes(length)))  # type: ignore[arg-type]


@EVERY_KIND
def test_another_key_opens_nothing(version: Any, purpose: str) -> None:
    token = issue(version, purpose, b"x")
    if purpose == "local":
        other: Any = paseto.LocalKey.generate(version)
    elif version == 1:
        other = paseto.PublicKey.from_pem(1, OTHER_RSA)
    else:
        other = paseto.SecretKey.generate(version).public()
    with pytest.raises(FAILED[purpose]):
        read(version, purpose, token, other)
    assert read(version, purpose, token, opening(version, purpose)).payload == b"x"
    assert issuing(version, purpose) is not other


OTHER_RSA = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr1a9pvoKcNHyPeyVhYAG+bM0Pf/LhZyCJk40EW/hSZ2+gLiWTYVU8SZvcVN1+Scck2j3wZ2I
x2Wn8cbLPP1ht/HZRiDqMbRZr29vWHCg0LF6p2DPq53AgypcQiDVHg6qNtObqJ2AkfqdpbZl7QSzn2pYyiIMCeExYFUZxVD1vCLUVo3fLd6dwgUSFrkp
kAGkD/fM1RTEpa1yRY3yZs4Sa+h2ONWfm31uPEwB3Lt41IBn5jeza6JxMJN/SaCj4yELLGsP1uDq6w73mWVCzo3RjPuRZ5/qd8ayyMwS9X8j+1BkbtGV
ZeYa1OSRFMzOLwErCA02AEvGZYpBjz5xK9Gl9wIDAQAB
-----END PUBLIC KEY-----
"""


# ------------------------------------------------------------------------------------------------- parts


def test_an_opened_token_shows_no_payload() -> None:
    opened = read(4, "local", issue(4, "local", b"planted", footer=b"shown to nobody"))
    for text in (repr(opened), str(opened), repr(opened.__rich_repr__())):
        assert "planted" not in text
        assert "shown" not in text
    with pytest.raises(AttributeError):
        opened.payload = b""  # type: ignore[misc]


def test_the_parts_of_a_token() -> None:
    assert split_token("v4.local.QUJD", b"v4.local.", 100) == (b"ABC", b"")
    assert split_token("v4.local.QUJD.Zg", b"v4.local.", 100) == (b"ABC", b"Zg")
    assert split_token("v4.local.", b"v4.local.", 100) == (b"", b"")
    assert join_token(b"v4.local.", b"ABC", b"") == "v4.local.QUJD"
    assert join_token(b"v4.local.", b"ABC", b"f") == "v4.local.QUJD.Zg"
    with pytest.raises(TokenTooLarge):
        split_token("v4.local.QUJD", b"v4.local.", 12)
    for text, is_one in (("v4.local.", True), ("v1.public.x", True), ("v5.local.", False), ("av4.local.", False)):
        assert is_paseto(text) is is_one
