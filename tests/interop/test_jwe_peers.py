"""Encrypted tokens of joserfc and jwcrypto are decrypted here, and ours there, with everything that they have."""

import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import joserfc.jwe
import joserfc.jwk
import jwcrypto.jwe
import jwcrypto.jwk
import pytest

from daypass import jwe
from daypass.errors import DecryptionFailed, MalformedToken, TokenTooLarge, UnsupportedToken
from daypass.jose.jwe_json import Recipient
from daypass.jose.jwk import JWK
from daypass.limits import PBES2_COUNT_DEFAULT
from tests.encryption import ENCS, EVERYTHING, KINDS, WRAPPING, cheap, half, key_for, named, words_for

PLAINTEXT = bytes(range(256)) + "J\u00f8rgen \u6c34".encode()
FORMS = ("compact", "flattened", "general")
Token = dict[str, Any]
Place = tuple[JWK, Token]
"""A recipient and its own header."""


class Peer(NamedTuple):
    """Another library: encrypt in one form for several, with a protected header, aad; decrypt any form with one key."""

    algs: frozenset[str]
    curves: frozenset[str | None]
    encrypt: Callable[[Sequence[Place], Token, str, bytes | None], str | Token]
    decrypt: Callable[[str | Token, JWK], tuple[bytes, bytes]]


# ------------------------------------------------------------------------------------------------------ joserfc

JOSERFC = joserfc.jwe.JWERegistry(
    algorithms=[name for names in joserfc.jwe.JWERegistry.algorithms.values() for name in names],
    verify_all_recipients=False,
)


def joserfc_key(key: JWK, *, private: bool) -> Any:
    members: Any = key.to_dict(private=private or key.kty == "oct")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of RSA1_5 and of short passwords
        return joserfc.jwk.import_key(members)


def joserfc_encrypt(places: Sequence[Place], protected: Token, form: str, aad: bytes | None) -> str | Token:
    protected = {**protected}  # it writes into what it is given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form == "compact":
            return joserfc.jwe.encrypt_compact(
                protected, PLAINTEXT, joserfc_key(places[0][0], private=False), registry=JOSERFC
            )
        kind: Any = joserfc.jwe.FlattenedJSONEncryption if form == "flattened" else joserfc.jwe.GeneralJSONEncryption
        made = kind(protected, PLAINTEXT, None, aad)
        for key, header in places:
            made.add_recipient(header, joserfc_key(key, private=False))
        return {**joserfc.jwe.encrypt_json(made, None, registry=JOSERFC)}


def joserfc_decrypt(token: Any, key: JWK) -> tuple[bytes, bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = joserfc_key(key, private=True)
        if isinstance(token, str):
            return joserfc.jwe.decrypt_compact(token, mine, registry=JOSERFC).plaintext or b"", b""
        # of several recipients it gives the key to each, and stops at the first that takes it
        opened = joserfc.jwe.decrypt_json(token, mine, registry=JOSERFC)
        return opened.plaintext or b"", opened.aad or b""


# ----------------------------------------------------------------------------------------------------- jwcrypto

JWCRYPTO_NAMES = [*jwcrypto.jwe.default_allowed_algs, "RSA1_5"]


def jwcrypto_key(key: JWK, *, private: bool) -> Any:
    members = key.to_dict(private=private or key.kty == "oct")
    return jwcrypto.jwk.JWK.from_json(json.dumps({name: value for name, value in members.items() if name != "alg"}))


def jwcrypto_encrypt(places: Sequence[Place], protected: Token, form: str, aad: bytes | None) -> str | Token:
    made = jwcrypto.jwe.JWE(
        PLAINTEXT,
        protected=json.dumps(protected),
        aad=aad,
        algs=JWCRYPTO_NAMES,
        **({} if form == "flattened" else {"flattened": False}),
    )
    for key, header in places:
        made.add_recipient(jwcrypto_key(key, private=False), json.dumps(header) if header else None)
    text = made.serialize(compact=form == "compact")
    return text if form == "compact" else json.loads(text)


def jwcrypto_decrypt(token: Any, key: JWK) -> tuple[bytes, bytes]:
    opened = jwcrypto.jwe.JWE(algs=JWCRYPTO_NAMES)
    opened.deserialize(token if isinstance(token, str) else json.dumps(token), jwcrypto_key(key, private=True))
    return opened.payload, opened.objects.get("aad", b"")


JOSERFC_CURVES = frozenset({None, "P-256", "P-384", "P-521", "X25519", "X448"})
PEERS = {
    "joserfc": Peer(
        frozenset(joserfc.jwe.JWERegistry.algorithms["alg"]), JOSERFC_CURVES, joserfc_encrypt, joserfc_decrypt
    ),
    "jwcrypto": Peer(frozenset(JWCRYPTO_NAMES), JOSERFC_CURVES, jwcrypto_encrypt, jwcrypto_decrypt),
}
CASES = [
    pytest.param(name, alg, crv, id=f"{name}-{named(alg, crv)}")
    for name, peer in PEERS.items()
    for alg, crv in KINDS
    if alg in peer.algs and crv in peer.curves
]


def ours(token: str | Token, key: JWK, words: Token) -> tuple[bytes, bytes]:
    if isinstance(token, str):
        return jwe.decrypt(token, key, **words).plaintext, b""
    both = [jwe.decrypt_json(it, key, **words) for it in (token, json.dumps(token))]
    assert both[0] == both[1]
    return both[0].plaintext, both[0].aad


def test_everything_that_they_have_is_compared() -> None:
    assert {len(peer.algs & {alg for alg, _ in KINDS}) for peer in PEERS.values()} == {17}
    assert len(CASES) == 2 * 33


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("name, alg, crv", CASES)
def test_theirs_here_and_ours_there(name: str, alg: str, crv: str | None, enc: str) -> None:
    peer, key = PEERS[name], key_for(alg, crv, enc)
    protected = {"alg": alg, "enc": enc, "typ": "t"}
    words = {**words_for(alg), "algs": (alg,), "encs": (enc,)}
    for form in FORMS:
        aad = None if form == "compact" else b"in the clear"
        theirs = peer.encrypt([(key, {})], protected, form, aad)
        assert ours(theirs, key, words) == (PLAINTEXT, aad or b""), form
    for mine in (
        jwe.encrypt(PLAINTEXT, half(key), enc=enc, header=cheap(alg)),
        jwe.encrypt_json(PLAINTEXT, half(key), enc=enc, header=cheap(alg), flattened=True, aad=b"a"),
        jwe.encrypt_json(PLAINTEXT, half(key), enc=enc, header=cheap(alg), aad=b"a"),
    ):
        if name == "joserfc" and isinstance(mine, dict):
            place = mine if "recipients" not in mine else mine["recipients"][0]
            place.setdefault("header", {})  # it needs one, and RFC 7516 7.2.1 has an empty one left out
        assert peer.decrypt(mine, key) == (PLAINTEXT, b"" if isinstance(mine, str) else b"a")


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("name", PEERS)
def test_several_recipients(name: str, enc: str) -> None:
    """Each in turn, under an unprotected header of its own."""
    peer = PEERS[name]
    keys = [key_for(alg, crv, enc) for alg, crv in WRAPPING if alg in peer.algs and crv in (None, "P-256", "X25519")]
    most = [keys[:10], keys[10:]]
    for some in most:
        places = [(key, {"alg": key.alg, "kid": key.kid}) for key in some]
        theirs = peer.encrypt(places, {"enc": enc}, "general", b"a")
        mine = jwe.encrypt_json(
            PLAINTEXT, [Recipient(half(key), header=cheap(str(key.alg))) for key in some], enc=enc, aad=b"a"
        )
        for index, key in enumerate(some):
            opened = jwe.decrypt_json(theirs, key, **words_for(str(key.alg)))  # type: ignore[arg-type]
            assert (opened.plaintext, opened.aad, opened.recipient) == (PLAINTEXT, b"a", index)
            if name == "jwcrypto":
                assert peer.decrypt(mine, key) == (PLAINTEXT, b"a")
            else:  # it stops with the first recipient whose alg takes the key, whatever the kid: so each alone
                alone = {**mine, "recipients": [mine["recipients"][index]]}
                assert peer.decrypt(alone, key) == (PLAINTEXT, b"a")


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("name", PEERS)
def test_compressed(name: str, enc: str) -> None:
    peer = PEERS[name]
    for alg in ("dir", "A256KW"):
        key = key_for(alg, None, enc)
        for form in FORMS:
            theirs = peer.encrypt([(key, {})], {"alg": alg, "enc": enc, "zip": "DEF"}, form, None)
            assert ours(theirs, key, {"allow_zip": True}) == (PLAINTEXT, b"")
            with pytest.raises(UnsupportedToken):
                ours(theirs, key, {})
        mine = jwe.encrypt(PLAINTEXT, key, enc=enc, header={"zip": "DEF"})
        assert peer.decrypt(mine, key)[0] == PLAINTEXT


@pytest.mark.parametrize("alg, crv", [kind for kind in KINDS if kind[0].startswith("ECDH")])
@pytest.mark.parametrize("name", PEERS)
def test_parties_of_an_agreement(name: str, alg: str, crv: str) -> None:
    peer, key, party = PEERS[name], key_for(alg, crv), {"apu": "QWxpY2U", "apv": "Qm9i"}
    theirs = peer.encrypt([(key, {})], {"alg": alg, "enc": "A128GCM", **party}, "compact", None)
    assert ours(theirs, key, {}) == (PLAINTEXT, b"")
    assert peer.decrypt(jwe.encrypt(PLAINTEXT, half(key), enc="A128GCM", header=party), key)[0] == PLAINTEXT


# ------------------------------------------------------------------------- where we differ from them, by design


@pytest.mark.parametrize("name", PEERS)
def test_they_refuse_the_iterations_that_we_make_unless_told(name: str) -> None:
    """Ours are what OWASP advises; joserfc takes 300,000 at most, jwcrypto 16,384. `p2c` in the header says fewer."""
    key = key_for("PBES2-HS256+A128KW")
    many = jwe.encrypt(PLAINTEXT, key, enc="A128GCM")
    assert jwe.decrypt(many, key, allow_pbes2=True).header["p2c"] == PBES2_COUNT_DEFAULT
    with pytest.raises(Exception, match=r"p2c|iterations|[Ii]nvalid"):
        PEERS[name].decrypt(many, key)
    fewer = jwe.encrypt(PLAINTEXT, key, enc="A128GCM", header={"p2c": 16_384})
    assert PEERS[name].decrypt(fewer, key)[0] == PLAINTEXT


def test_a_compressed_plaintext_as_dense_as_a_bomb_is_refused_whoever_wrote_it() -> None:
    """jwcrypto writes zeros that shrink to a thousandth: beyond 16 KiB we take a hundredth."""
    key = key_for("dir")
    for size, taken in ((16_384, True), (100_000, False)):
        dense = jwcrypto.jwe.JWE(bytes(size), protected='{"alg":"dir","enc":"A128GCM","zip":"DEF"}')
        dense.add_recipient(jwcrypto_key(key, private=True))
        token = dense.serialize(compact=True)
        if taken:
            assert jwe.decrypt(token, key, allow_zip=True).plaintext == bytes(size)
        else:
            with pytest.raises(TokenTooLarge):
                jwe.decrypt(token, key, allow_zip=True)


@pytest.mark.parametrize("name", PEERS)
def test_they_take_two_recipients_of_dir_and_we_do_not(name: str) -> None:
    key = key_for("dir")
    token = jwe.encrypt_json(PLAINTEXT, Recipient(key, header={"x": 1}), enc="A128GCM")
    token["recipients"] = [{"header": {"alg": "dir"}}, {"header": {"alg": "dir"}}]
    assert PEERS[name].decrypt(token, key)[0] == PLAINTEXT
    with pytest.raises(MalformedToken):
        jwe.decrypt_json(token, key)


def test_joserfc_writes_empty_members_of_a_recipient_and_we_take_them() -> None:
    """RFC 7516 7.2.1 has them left out. They are authenticated by nobody and say nothing: refusing gains nothing."""
    key = key_for("dir")
    nameless = JWK.from_secret(key.raw.private, alg="dir")
    for form in ("flattened", "general"):
        token: Any = joserfc_encrypt([(nameless, {})], {"alg": "dir", "enc": "A128GCM"}, form, None)
        place = token if form == "flattened" else token["recipients"][0]
        assert (place["header"], place["encrypted_key"]) == ({}, "")
        assert jwe.decrypt_json(token, key).plaintext == PLAINTEXT


def test_joserfc_writes_a_kid_twice_and_we_refuse_it() -> None:
    """RFC 7516 7.2.1: the names of the three headers are disjoint. It copies the kid of a key to the recipient."""
    key = key_for("A256KW")
    token: Any = joserfc_encrypt([(key, {})], {"alg": "A256KW", "enc": "A128GCM", "kid": key.kid}, "flattened", None)
    assert token["header"] == {"kid": key.kid}
    assert joserfc_decrypt(token, key)[0] == PLAINTEXT
    with pytest.raises(MalformedToken, match="twice"):
        jwe.decrypt_json(token, key)


def test_jwcrypto_leaves_iv_and_tag_of_a_wrapped_key_unprotected() -> None:
    """Whoever changes them there is told what is told of any other change."""
    key = key_for("A256GCMKW")
    protected = {"alg": "A256GCMKW", "enc": "A128GCM"}
    token: Any = jwcrypto_encrypt([(key, {})], protected, "flattened", None)
    assert set(token["header"]) == {"iv", "tag"}
    assert jwe.decrypt_json(token, key).plaintext == PLAINTEXT
    token["header"]["tag"] = token["header"]["tag"][:16]
    with pytest.raises(DecryptionFailed):
        jwe.decrypt_json(token, key)


def test_what_only_we_have() -> None:
    """RSA-OAEP-384 and -512 are registered, and neither peer knows them."""
    for alg in {alg for alg, _ in KINDS} - PEERS["joserfc"].algs:
        assert alg in ("RSA-OAEP-384", "RSA-OAEP-512")
        token = jwe.encrypt(PLAINTEXT, half(key_for(alg)), enc="A256GCM")
        assert jwe.decrypt(token, key_for(alg), **EVERYTHING).plaintext == PLAINTEXT
        for peer in PEERS.values():
            with pytest.raises(Exception, match=r"\w"):
                peer.decrypt(token, key_for(alg))
