"""What a key may be used for: ``alg``, ``use`` and ``key_ops`` hold for signing and for encrypting alike."""

from functools import cache
from typing import Any

import pytest

from daypass import jwe, jws
from daypass.errors import ConfigurationError, KeyFormatError, UnsupportedToken, WeakKey
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.key_rules import ALGORITHMS, key_algorithm, suits
from daypass.jose.key_use import (
    decrypting_algorithms,
    enc_of,
    encrypting_algorithm,
    signing_algorithm,
    verifying_algorithms,
)

CURVES = {"EC": ("P-256", "P-384", "P-521", "secp256k1"), "OKP": ("Ed25519", "Ed448", "X25519", "X448")}
ENCRYPTING = [name for name in ALGORITHMS if name not in SIGNATURE_ALGORITHMS]
WRAPS = {"sender": {"wrapKey", "encrypt"}, "receiver": {"unwrapKey", "decrypt"}}
ECDH = {"deriveKey", "deriveBits"}
OPERATIONS = ("sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits")


@cache
def key_of(alg: str) -> JWK:
    return JWK.generate(alg, **({"bits": 256} if alg == "dir" else {}))


def key_with(made_for: str, *, without: tuple[str, ...] = (), **more: Any) -> JWK:
    members = {**key_of(made_for).to_dict(private=True), **more}
    return JWK.from_dict({name: value for name, value in members.items() if name not in without})


def needed(alg: str) -> tuple[set[str], set[str]]:
    """Operations one of which a sender's key needs, and a receiver's: RFC 7517 4.3."""
    if alg in SIGNATURE_ALGORITHMS:
        return {"sign"}, {"verify"}
    if alg.startswith("ECDH"):
        return ECDH, ECDH
    if alg == "dir" or alg in CONTENT_ENCRYPTIONS:
        return {"encrypt"}, {"decrypt"}
    return WRAPS["sender"], WRAPS["receiver"]


# ------------------------------------------------------------------------------------------------- the tables


def test_which_key_suits_which_algorithm() -> None:
    """RFC 7518 3.1, 4.1, 5.1: exactly one type, and of curves exactly those that are named."""
    raws = {(key.kty, key.raw.crv, alg): key.raw for alg in ALGORITHMS for key in (key_of(alg),)}
    for (kty, crv, made_for), raw in raws.items():
        for name, row in ALGORITHMS.items():
            if row.curves:
                expected = crv in row.curves
            elif row.kty == "RSA":
                expected = kty == "RSA"
            else:
                size = len(raw.private) if kty == "oct" else -1
                sizes = {16, 24, 32, 48, 64} if name == "dir" else range(row.key_bytes_min, row.key_bytes_max + 1)
                expected = kty == "oct" and size in sizes
            assert suits(raw, row) is expected, (made_for, name)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_is_refused_for_what_it_does_not_suit(alg: str) -> None:
    """ATTACKS A09, E10, at load."""
    key = key_of(alg)
    members = {name: value for name, value in key.to_dict(private=key.kty == "oct").items() if name != "alg"}
    for name, row in ALGORITHMS.items():
        if key.kty == "AKP" and name != alg:
            with pytest.raises(KeyFormatError):
                JWK.from_dict({**members, "alg": name})
        elif suits(key.raw, row):
            assert JWK.from_dict({**members, "alg": name}).alg == name
        else:
            with pytest.raises((KeyFormatError, WeakKey)) as raised:
                JWK.from_dict({**members, "alg": name})
            assert name in str(raised.value)


def test_names_are_exact() -> None:
    for name in ALGORITHMS:
        assert key_algorithm(name).name == name
        for almost in (name.lower(), name.upper(), f"{name} ", f" {name}", f"{name}\0"):
            if almost not in ALGORITHMS:
                with pytest.raises(ConfigurationError):
                    key_algorithm(almost)


@pytest.mark.parametrize("alg", ["FOO", "RSA-OAEP-1024", "ECDH-1PU", "HS1", "RS1", "A128CTR", "C20P"])
def test_a_jwk_of_a_stranger_may_name_an_alg_that_nobody_here_has(alg: str) -> None:
    """It loads, as it would in a browser; it is for no task."""
    key = key_with("RS256", alg=alg)
    assert (key.alg, enc_of(key)) == (alg, None)
    for act in (
        lambda: signing_algorithm(key),
        lambda: verifying_algorithms(key, None),
        lambda: verifying_algorithms(key, ("RS256",)),
        lambda: encrypting_algorithm(key, None),
        lambda: encrypting_algorithm(key, "RSA-OAEP"),
        lambda: decrypting_algorithms(key, None),
        lambda: decrypting_algorithms(key, ("RSA-OAEP",)),
        lambda: jws.sign(b"x", key),
        lambda: jwe.encrypt(b"x", key, enc="A128GCM"),
    ):
        with pytest.raises(ConfigurationError):
            act()


@pytest.mark.parametrize("alg", ["none", "NONE", "es256", "rsa-oaep", "a128gcm", "Dir", "ES521"])
def test_a_jwk_that_almost_names_one_is_refused(alg: str) -> None:
    """ATTACKS A20: a typing error would be found at the first token, otherwise."""
    with pytest.raises(KeyFormatError, match="exactly"):
        key_with("RS256", alg=alg)


# ------------------------------------------------------------------------------------------- use and key_ops


def outcomes(key: JWK, alg: str) -> tuple[bool, bool]:
    """Whether it may send (sign, encrypt), and whether it may receive (verify, decrypt)."""
    is_signature = alg in SIGNATURE_ALGORITHMS
    found = []
    for act in (
        (lambda: signing_algorithm(key)) if is_signature else (lambda: encrypting_algorithm(key, None)),
        (lambda: verifying_algorithms(key, None)) if is_signature else (lambda: decrypting_algorithms(key, None)),
    ):
        try:
            found.append(bool(act()))
        except ConfigurationError:
            found.append(False)
    return found[0], found[1]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_A10_use_holds(alg: str) -> None:
    own, other = ("sig", "enc") if alg in SIGNATURE_ALGORITHMS else ("enc", "sig")
    assert outcomes(key_of(alg), alg) == (True, True)
    assert outcomes(key_with(alg, use=own), alg) == (True, True)
    for use in (other, "tls", "", "SIG", "Enc"):
        assert outcomes(key_with(alg, use=use), alg) == (False, False)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_A10_key_ops_hold(alg: str) -> None:
    sender, receiver = needed(alg)
    for operation in OPERATIONS:
        key = key_with(alg, key_ops=[operation])
        assert outcomes(key, alg) == (operation in sender, operation in receiver), operation
    for strange in ([], ["SIGN"], ["Decrypt"], ["x", ""]):
        assert outcomes(key_with(alg, key_ops=strange), alg) == (False, False), strange
    everything = key_with(alg, key_ops=list(OPERATIONS))
    assert outcomes(everything, alg) == (True, True)


@pytest.mark.parametrize("alg", ["HS256", "ES256", "A256KW", "RSA-OAEP", "ECDH-ES", "dir", "A256GCM"])
def test_A10_the_facades_hold_to_it(alg: str) -> None:
    """ATTACKS A10 for a token, not only for a function of ours."""
    own, other = ("sig", "enc") if alg in SIGNATURE_ALGORITHMS else ("enc", "sig")
    enc = alg if alg in CONTENT_ENCRYPTIONS else "A256GCM"
    good = key_of(alg)
    token = jws.sign(b"x", good) if own == "sig" else jwe.encrypt(b"x", good, enc=enc)
    sender, receiver = needed(alg)
    for metadata in (
        {"use": other},
        {"key_ops": []},
        {"key_ops": sorted({*OPERATIONS} - sender - receiver)},
        {"use": "tls"},
    ):
        key = key_with(alg, **metadata)
        with pytest.raises(ConfigurationError):
            jws.sign(b"x", key) if own == "sig" else jwe.encrypt(b"x", key, enc=enc)
        for keys in (key, JWKSet([key]), [key]):
            with pytest.raises(ConfigurationError):
                jws.verify(token, keys) if own == "sig" else jwe.decrypt(token, keys)


def test_A10_use_and_key_ops_contradict_each_other() -> None:
    """RFC 7517 4.3: where both are there, they say the same."""
    for use, ops in (
        ("sig", ["encrypt"]),
        ("sig", ["sign", "deriveKey"]),
        ("enc", ["sign"]),
        ("enc", ["decrypt", "verify"]),
        ("sig", ["x"]),
    ):
        with pytest.raises(KeyFormatError, match="contradict"):
            key_with("ES256", use=use, key_ops=ops, without=("alg",))
    for use, ops in (("sig", ["sign", "verify"]), ("enc", ["deriveKey", "deriveBits"]), ("sig", []), ("tls", ["x"])):
        assert key_with("ES256", use=use, key_ops=ops).key_ops == tuple(ops)
    for wrong in (None, "sign", {"sign": 1}, [5], [None], [["sign"]], ["sign", "sign"], ("sign",)):
        with pytest.raises(KeyFormatError):
            key_with("ES256", key_ops=wrong)


@pytest.mark.parametrize("alg", ["RSA-OAEP", "ECDH-ES", "ES256", "EdDSA"])
def test_the_public_half_may_do_what_belongs_to_it(alg: str) -> None:
    """RFC 7517 4.3, 9.2: what the private half unwraps, the public one wraps."""
    sender, receiver = needed(alg)
    is_signature = alg in SIGNATURE_ALGORITHMS
    private = key_with(alg, key_ops=sorted(sender if is_signature else receiver))
    public = private.public()
    if is_signature:
        assert jws.verify(jws.sign(b"x", private), public).payload == b"x"
        with pytest.raises(ConfigurationError, match=r"public key|key_ops"):
            jws.sign(b"x", public)
    else:
        assert jwe.decrypt(jwe.encrypt(b"x", public, enc="A128GCM"), private).plaintext == b"x"
        with pytest.raises(ConfigurationError):
            jwe.decrypt(jwe.encrypt(b"x", public, enc="A128GCM"), public)


@pytest.mark.parametrize("crv", ["P-256", "P-521", "X25519"])
def test_a_public_key_as_a_browser_writes_it(crv: str) -> None:
    """WebCrypto exports the public half of an ECDH key with empty ``key_ops``: it has no usages there."""
    private = JWK.generate("ECDH-ES", crv=crv)
    bare = {**private.to_dict(), "key_ops": [], "ext": True}
    assert jwe.decrypt(jwe.encrypt(b"x", JWK.from_dict(bare), enc="A128GCM"), private).plaintext == b"x"
    for refused in (
        {**bare, "use": "sig"},
        {**bare, "key_ops": ["sign"]},
        {**private.to_dict(private=True), "key_ops": []},
        {**key_of("RSA-OAEP").to_dict(), "key_ops": []},
    ):
        with pytest.raises(ConfigurationError):
            jwe.encrypt(b"x", JWK.from_dict(refused), enc="A128GCM")


# ------------------------------------------------------------------------------------------ without an alg


def test_a_key_without_alg_takes_those_of_the_caller() -> None:
    unbound = key_with("RS256", without=("alg",))
    assert verifying_algorithms(unbound, ("RS256", "PS512", "HS256", "ES256")).keys() == {"RS256", "PS512"}
    assert decrypting_algorithms(unbound, ("RSA-OAEP", "dir", "A128KW")).keys() == {"RSA-OAEP"}
    assert encrypting_algorithm(unbound, "RSA-OAEP-256").name == "RSA-OAEP-256"
    for act in (
        lambda: signing_algorithm(unbound),
        lambda: verifying_algorithms(unbound, None),
        lambda: encrypting_algorithm(unbound, None),
        lambda: decrypting_algorithms(unbound, None),
    ):
        with pytest.raises(ConfigurationError, match="alg"):
            act()
    with pytest.raises(KeyFormatError):
        encrypting_algorithm(unbound, "A128KW")
    for unknown in ("none", "RS256", "A128GCM", ""):
        with pytest.raises(ConfigurationError):
            encrypting_algorithm(unbound, unknown)


def test_a_secret_without_alg_is_long_enough_for_what_it_does() -> None:
    """ATTACKS A16, A15: a short secret serves nobody, whatever the caller lists."""
    token = jws.sign(b"x", key_of("HS256"))
    for size in (1, 15, 31):
        short = JWK.from_dict({"kty": "oct", "k": "A" * (size * 4 // 3 + 1) if size % 3 else "A" * (size * 4 // 3)})
        assert verifying_algorithms(short, tuple(SIGNATURE_ALGORITHMS)) == {}
        with pytest.raises(UnsupportedToken):
            jws.verify(token, short, algs=("HS256", "HS384", "HS512"))
    assert decrypting_algorithms(JWK.from_dict({"kty": "oct", "k": "AA"}), ("dir", "A128KW")) == {}


@pytest.mark.parametrize("enc", CONTENT_ENCRYPTIONS)
def test_the_alg_of_a_key_may_be_an_enc(enc: str) -> None:
    """RFC 7517 4.4, RFC 7520 5.6: it is for ``dir``, and for that enc alone."""
    key = key_of(enc)
    assert enc_of(key) == enc
    assert encrypting_algorithm(key, None) is encrypting_algorithm(key, "dir") is KEY_MANAGEMENT_ALGORITHMS["dir"]
    assert decrypting_algorithms(key, None).keys() == {"dir"}
    assert decrypting_algorithms(key, ("A128KW",)) == {}
    token = jwe.encrypt(b"x", key, enc=enc)
    assert jwe.decrypt(token, key).plaintext == b"x"
    assert jwe.decrypt(token, JWKSet([key, key_of("RS256"), key_of("A128KW")])).key is key
    for other in {*CONTENT_ENCRYPTIONS} - {enc}:
        with pytest.raises(ConfigurationError):
            jwe.encrypt(b"x", key, enc=other)
    for other in ("A128KW", "RSA-OAEP", enc):
        with pytest.raises(ConfigurationError):
            jwe.encrypt(b"x", key, enc=enc, alg=other)
    for act in (lambda: jws.sign(b"x", key), lambda: jws.verify("a.b.c", key)):
        with pytest.raises(ConfigurationError):
            act()


@pytest.mark.parametrize("alg", ENCRYPTING)
def test_a_key_that_names_its_algorithm_takes_no_other(alg: str) -> None:
    """ATTACKS A06 for encryption."""
    key = key_of(alg)
    own = "dir" if alg in CONTENT_ENCRYPTIONS else alg
    for other in {*KEY_MANAGEMENT_ALGORITHMS} - {own}:
        with pytest.raises(ConfigurationError, match="another alg"):
            encrypting_algorithm(key, other)
        assert decrypting_algorithms(key, (other,)) == {}
    assert encrypting_algorithm(key, own).name == own
    if key.kty != "oct":
        with pytest.raises(ConfigurationError, match="public key"):
            decrypting_algorithms(key.public(), None)
        assert encrypting_algorithm(key.public(), None).name == own
