"""ATTACKS C13 of encryption: no error shows a key, a content encryption key or a password, even with all its locals."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from daypass import jwe, jwt
from daypass.errors import TokenError
from daypass.jose.jwe_json import Recipient
from daypass.jose.jwk import JWK
from tests.encryption import EVERYTHING, KINDS, cheap, half, key_for, named, words_for
from tests.security import forge
from tests.security.forge import b64u
from tests.security.forge_jwe import SECRET, cek_of, flat, general, receiver, recipient, segments, with_segment, wrapped
from tests.security.test_secrets_stay_inside import spellings, texts_of

SECRETS = (SECRET, cek_of("A256CBC-HS512"), cek_of("A256GCM"), cek_of("A128GCM"))


def shows_nothing(act: Callable[[], object], secrets: Any = SECRETS, error: type[Exception] = Exception) -> None:
    with pytest.raises(error) as raised:
        act()
    needles = [form for secret in secrets for form in spellings(secret)]
    for text in texts_of(raised.value):
        assert not [needle for needle in needles if needle in text], text[:200]


def spoilt(token: str) -> list[str]:
    """Copies whose key may be handed over, and whose content does not open; and others."""
    return [with_segment(token, 4, b64u(bytes(16))), with_segment(token, 3, "AAAA"), with_segment(token, 1, "AAAA")]


@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM", "A256CBC-HS512"])
def test_C13_a_token_that_was_changed_shows_no_content_key(enc: str) -> None:
    """The key of a genuine token is in memory by then."""
    key, token = receiver("A256KW"), wrapped({"enc": enc})
    tag = b64u(bytes(32 if "CBC" in enc else 16))
    secrets = (SECRET, cek_of(enc))
    for bad in (with_segment(token, 4, tag), with_segment(token, 3, "AAAA"), with_segment(token, 4, "AAAA")):
        shows_nothing(lambda it=bad: jwe.decrypt(it, key), secrets, TokenError)
        shows_nothing(lambda it=bad: jwt.decrypt(it, key), secrets, TokenError)
        shows_nothing(lambda it=bad: jwe.decrypt_json(flat(it), key), secrets, TokenError)
    for bad in (b"no deflate", bytes(100)):
        packed = wrapped({"enc": enc, "zip": "DEF"}, bad)
        shows_nothing(lambda it=packed: jwe.decrypt(it, key, allow_zip=True), secrets, TokenError)
    if enc == "A256GCM":
        shows_nothing(
            lambda: jwe.decrypt_json({**general(recipient()), "tag": b64u(bytes(16))}, key), secrets, TokenError
        )


@pytest.mark.parametrize("alg, crv", KINDS, ids=[named(*kind) for kind in KINDS])
def test_C13_no_refusal_shows_a_key(alg: str, crv: str | None) -> None:
    key = key_for(alg, crv)
    members = key.to_dict(private=True)
    secrets = [forge.unb64u(members[it]) for it in ("k", "d", "p", "q", "dp", "dq", "qi") if it in members]
    token = jwe.encrypt(b"x", half(key), enc="A128GCM", header=cheap(alg))
    for bad in (*spoilt(token), "x", f"{token}.", wrapped(), segments(token)[0]):
        shows_nothing(lambda it=bad: jwe.decrypt(it, key, **words_for(alg)), secrets, TokenError)
    for bad in spoilt(token):
        shows_nothing(lambda it=bad: jwe.decrypt_json(flat(it), key, **EVERYTHING), secrets, TokenError)


PLAINTEXT = os.urandom(40)
DIRECT, WRAP, PASSWORD = receiver("dir"), receiver("A256KW"), receiver("PBES2-HS256+A128KW")


@pytest.mark.parametrize("key", [DIRECT, WRAP, PASSWORD], ids=["dir", "A256KW", "PBES2"])
def test_C13_a_mistake_of_a_sender_shows_no_key(key: JWK) -> None:
    """With dir the CEK is the key: until the token is whole it lies in the frames that fail."""
    enc, zipped = "A256GCM", {"zip": "DEF"}
    p2c = cheap(str(key.alg)) or {}
    mistakes: list[Callable[[], object]] = [
        lambda: jwe.encrypt(bytes(300_000), key, enc=enc, header={**zipped, **p2c}),
        lambda: jwe.encrypt(bytes(900_000), key, enc=enc, header=p2c),
        lambda: jwe.encrypt(b"x", key, enc=enc, header={"x": {1}}),
        lambda: jwe.encrypt(b"x", key, enc=enc, header={"alg": "none"}),
        lambda: jwe.encrypt(b"x", key, enc="none"),
        lambda: jwe.encrypt("x", key, enc=enc, header=p2c),  # type: ignore[arg-type]
        lambda: jwe.encrypt_json(bytes(300_000), key, enc=enc, header={**zipped, **p2c}),
        lambda: jwe.encrypt_json(bytes(900_000), key, enc=enc, header=p2c),
        lambda: jwe.encrypt_json(b"x", key, enc=enc, header=p2c, unprotected={"alg": key.alg}),
        lambda: jwe.encrypt_json(b"x", key, enc=enc, header=p2c, unprotected={"zip": "DEF"}),
        lambda: jwe.encrypt_json(b"x", Recipient(key, header={"x": 1, **p2c}), enc=enc, unprotected={"x": 1}),
        lambda: jwe.encrypt_json(b"x", [key, DIRECT], enc=enc, header=p2c),
        lambda: jwe.encrypt_json(b"x", key, enc=enc, header=p2c, aad="x"),  # type: ignore[arg-type]
        lambda: jwt.encrypt({"x": float("nan")}, key, enc=enc, header=p2c),
        lambda: jwt.encrypt({"x": "y" * 20_000}, key, enc=enc, header=p2c),
    ]
    for act in mistakes:
        shows_nothing(act, (SECRET,))


def test_C13_no_refusal_repeats_the_token() -> None:
    """CVE-2025-65015."""
    for token in (
        wrapped(),
        f"{wrapped()}=",
        wrapped({"alg": "planted-alg"}),
        wrapped({"kid": "planted-kid"})[:-4] + "AAAA",
    ):
        for decrypt in (
            lambda it: jwe.decrypt(it, DIRECT),
            lambda it: jwe.decrypt(it, WRAP),
            lambda it: jwe.decrypt_json(flat(it), DIRECT),
            lambda it: jwe.decrypt_json(it, WRAP),
        ):
            try:
                decrypt(token)
            except TokenError as refused:
                for text in (str(refused), repr(refused), refused.hint, refused.public_message):
                    assert "planted" not in text
                    assert not [segment for segment in token.split(".") if len(segment) > 8 and segment in text]
