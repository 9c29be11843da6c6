"""The straight road of decrypting and the complete one agree on every token, and one JWE says one thing everywhere."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass import jwe
from daypass.errors import TokenError
from daypass.jose.jwe_compact import Decrypter, compile_decrypter
from daypass.jose.jwe_header import allow
from daypass.jose.jwe_json import Recipient
from daypass.jose.jwk import JWK
from daypass.jose.key_choice import DecryptionChoice
from tests.encryption import ENCS
from tests.property.test_json_objects import JSON
from tests.property.test_two_roads import spoil

KEYS = {enc: JWK.generate(enc, kid="k") for enc in ENCS}
OTHERS = {enc: JWK.generate(enc, kid="k") for enc in ENCS}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NAMES = st.text(max_size=4).filter(lambda it: it not in {"b64", "crit"})
HEADERS = st.dictionaries(NAMES, JSON, max_size=3).map(lambda it: {f"x{name}": value for name, value in it.items()})
FOREIGN = st.sampled_from([*"+/=.!~ \n\0", "\u00e9", "\ud800", "\U0001f600", ""])


def compiled(key: JWK, *, zipped: bool = False) -> Decrypter:
    return compile_decrypter(DecryptionChoice(key), allow(None, zip=zipped, pbes2=False, rsa1_5=False))


def result(decrypt: Decrypter, token: str) -> object:
    """The value, or what was wrong; anything but a TokenError fails the test."""
    try:
        plaintext, header, key = decrypt(token)
    except TokenError as raised:
        return type(raised), str(raised)
    return plaintext, repr(header), key


@st.composite
def touched(draw: st.DrawFn, token: str) -> str:
    """One to three changes: a character, a cut, a part of it twice, two segments swapped."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(token) - 1, 0)))
        kind = draw(st.sampled_from(["letter", "foreign", "insert", "cut", "repeat", "swap", "drop"]))
        letter = draw(st.sampled_from(ALPHABET)) if kind in ("letter", "insert") else draw(FOREIGN)
        if kind in ("letter", "foreign"):
            token = token[:place] + letter + token[place + 1 :]
        elif kind == "insert":
            token = token[:place] + letter + token[place:]
        elif kind == "cut":
            token = token[:place]
        elif kind == "repeat":
            token = token[:place] + token[place : place + 4] * 2 + token[place + 4 :]
        else:
            parts = token.split(".")
            first, second = (draw(st.integers(0, len(parts) - 1)) for _ in range(2))
            parts[first], parts[second] = ("", parts[second]) if kind == "drop" else (parts[second], parts[first])
            token = ".".join(parts)
    return token


@given(st.data(), st.sampled_from(ENCS), st.binary(max_size=40), HEADERS)
@settings(max_examples=600)
def test_a_warm_road_agrees_with_a_fresh_one(
    data: st.DataObject, enc: str, plaintext: bytes, header: dict[str, Any]
) -> None:
    key = KEYS[enc]
    good = jwe.encrypt(plaintext, key, enc=enc, header=header or None)
    warm = compiled(key)
    for _ in range(2):
        assert result(warm, good) == result(compiled(key), good)
        assert warm(good)[0] == plaintext
    for bad in (data.draw(touched(good)), jwe.encrypt(plaintext, OTHERS[enc], enc=enc, header=header or None)):
        fresh = result(compiled(key), bad)
        assert result(warm, bad) == fresh
        assert result(warm, bad) == fresh
        if bad != good:
            assert isinstance(fresh, tuple)
            assert fresh[0] != plaintext or bad == good
    assert warm(good)[0] == plaintext  # what was refused in between changed nothing


@given(st.sampled_from(ENCS), HEADERS)
@settings(max_examples=200)
@example("A256GCM", {"x": []})
@example("A256GCM", {"x": {"y": [1]}})
@example("A128CBC-HS256", {"x": [{"y": []}]})
def test_nothing_returned_reaches_the_next(enc: str, header: dict[str, Any]) -> None:
    key = KEYS[enc]
    members = {"alg": "dir", "enc": enc, "kid": "k", **header}
    compact = jwe.encrypt(b"x", key, enc=enc, header=header)
    flat = jwe.encrypt_json(b"x", Recipient(key, header=header), enc=enc, flattened=True)
    for _ in range(4):
        opened = jwe.decrypt(compact, key)
        assert repr(opened.header) == repr(members)
        spoil(opened.header)
        both = jwe.decrypt_json(flat, key)
        assert {**both.header, **both.unprotected} == members
        spoil(both.header)
        spoil(both.unprotected)


@given(st.sampled_from(ENCS), st.binary(max_size=300), HEADERS, HEADERS, st.binary(max_size=20), st.booleans())
@settings(max_examples=300)
def test_what_was_encrypted_is_decrypted(
    enc: str, plaintext: bytes, header: dict[str, Any], own: dict[str, Any], aad: bytes, zipped: bool
) -> None:
    """RFC 7516 5.1, 5.2: in every serialization, whatever stands in the headers."""
    header = {**header, "zip": "DEF"} if zipped else header
    own = {f"o{name}": value for name, value in own.items()}
    wrap = JWK.generate("A128KW", kid="w")
    for key in (KEYS[enc], wrap):
        compact = jwe.encrypt(plaintext, key, enc=enc, header=header)
        assert jwe.decrypt(compact, key, allow_zip=zipped).plaintext == plaintext
        for to in (key, Recipient(key, header=own)):
            token = jwe.encrypt_json(plaintext, to, enc=enc, header=header, aad=aad)
            for it in (token, json.dumps(token)):
                opened = jwe.decrypt_json(it, key, allow_zip=zipped)
                assert (opened.plaintext, opened.aad) == (plaintext, aad)
                assert header.items() <= opened.header.items() or repr(header)[:-1] in repr(opened.header)
