"""The members of a JWK: each held against the others, spelt in one way only, and strong enough."""

import hashlib
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519

from daypass import jwe, jws
from daypass.errors import DaypassError, DecryptionFailed, InvalidSignature, KeyFormatError, UnsupportedToken, WeakKey
from daypass.jose.jwk import JWK
from daypass.jose.raw_key import okp_class
from daypass.limits import SECRET_BYTES_MAX
from tests import vectors
from tests.security import forge
from tests.security.forge import b64u, unb64u

EC_ALGS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}
EC_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}
EC_ORDERS = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp256k1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}
OKP_ALGS = {"Ed25519": "EdDSA", "Ed448": "EdDSA", "X25519": "ECDH-ES", "X448": "ECDH-ES"}
ML_DSA = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]
ALL = [*EC_ALGS.items(), *OKP_ALGS.items(), *((None, alg) for alg in (*ML_DSA, "RS256"))]
EACH = pytest.mark.parametrize("crv, alg", ALL, ids=[crv or alg for crv, alg in ALL])
PRIVATE = {"EC": "d", "OKP": "d", "AKP": "priv", "RSA": "d", "oct": "k"}


@cache
def made(alg: str, crv: str | None, number: int) -> JWK:
    return JWK.generate(alg, crv=crv)


def key_of(alg: str, crv: str | None = None, number: int = 0) -> JWK:
    """Several keys of each kind, each made once."""
    return made(alg, crv, number)


def members_of(alg: str, crv: str | None = None, number: int = 0) -> dict[str, Any]:
    return key_of(alg, crv, number).to_dict(private=True)


def refused(members: Any, *words: str, error: type[DaypassError] = KeyFormatError) -> None:
    with pytest.raises(error) as raised:
        JWK.from_dict(members)
    for word in words:
        assert word in str(raised.value), raised.value


def uint(number: int) -> str:
    return b64u(number.to_bytes((number.bit_length() + 7) // 8, "big"))


# --------------------------------------------------------------------------------------------------- all kinds


@EACH
def test_both_halves_belong_together(crv: str | None, alg: str) -> None:
    """ATTACKS B11."""
    mine, other = members_of(alg, crv), members_of(alg, crv, 1)
    for name in mine.keys() - {"kty", "crv", "alg", "kid", "e"}:
        refused({**mine, name: other[name]})
    swapped = {**mine, PRIVATE[mine["kty"]]: other[PRIVATE[mine["kty"]]]}
    refused(swapped, "belong" if mine["kty"] != "RSA" else "")


@EACH
def test_what_is_missing(crv: str | None, alg: str) -> None:
    public = key_of(alg, crv).to_dict()
    needed = public.keys() - {"kid", "alg"} | ({"alg"} if public["kty"] == "AKP" else set())
    for name in needed:
        refused({key: value for key, value in public.items() if key != name}, repr(name) if name != "n" else "")
    for name in needed:
        for value in (None, 5, "", [public[name]], {"a": 1}, public[name].encode(), True):
            refused({**public, name: value})
    assert JWK.from_dict({**public, "unknown": {"a": [1]}}).to_dict() == public


SPELLINGS: dict[str, Callable[[str], str]] = {
    "padding": lambda text: text + "=" * (-len(text) % 4 or 4),
    "white space": lambda text: text[:4] + " " + text[4:],
    "a line break at the end": lambda text: text + "\n",
    "a comma": lambda text: "," + text[1:],
    "the other alphabet": lambda text: "+/" + text[2:],
    "not ASCII": lambda text: text[:-1] + "\u00e9",
    "full width": lambda text: "\uff21" + text[1:],
    "a surrogate": lambda text: "\ud800" + text[1:],
    "NUL": lambda text: text + "\0",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@EACH
def test_one_spelling(crv: str | None, alg: str, spelling: str) -> None:
    """ATTACKS B04, in a JWK."""
    members = members_of(alg, crv)
    for name in members.keys() - {"kty", "crv", "alg", "kid"}:
        refused({**members, name: SPELLINGS[spelling](members[name])}, repr(name), "base64url")


@EACH
def test_no_stray_bits(crv: str | None, alg: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    members = members_of(alg, crv)
    for name in members.keys() - {"kty", "crv", "alg", "kid"}:
        text = members[name]
        if len(text) % 4:
            refused({**members, name: text[:-1] + alphabet[alphabet.index(text[-1]) + 1]}, repr(name), "canonical")


@pytest.mark.parametrize("kty", [None, "", "ec", "RSA ", "rsa", "OCT", "AKP2", "DH", 5, ["EC"], {"a": 1}], ids=str)
def test_an_unknown_type(kty: Any) -> None:
    refused({**key_of("ES256").to_dict(), "kty": kty}, "kty", "oct, RSA, EC, OKP, AKP")


@EACH
def test_a_type_that_is_another(crv: str | None, alg: str) -> None:
    members = members_of(alg, crv)
    for kty in {"oct", "RSA", "EC", "OKP", "AKP"} - {members["kty"]}:
        refused({**members, "kty": kty})


@pytest.mark.parametrize("name", ["kid", "use", "alg"])
def test_names_are_text(name: str) -> None:
    for value in (None, 5, True, [], {}, b"x"):
        refused({**key_of("ES256").to_dict(), name: value}, repr(name), "must be a string")


@pytest.mark.parametrize("kid", ["\ud800", "a\udfffb"])
def test_a_name_that_no_token_could_carry(kid: str) -> None:
    """Found when the first token is signed, otherwise."""
    refused({**key_of("ES256").to_dict(), "kid": kid}, "UTF-8")
    with pytest.raises(KeyFormatError):
        JWK.generate("HS256", kid=kid)
    assert JWK.from_dict({**key_of("ES256").to_dict(), "kid": "\U0001f511?\ufffd\0"}).kid == "\U0001f511?\ufffd\0"


# ---------------------------------------------------------------------------------------------------- EC


@pytest.mark.parametrize("crv", EC_ALGS)
def test_coordinates_have_the_length_of_the_curve(crv: str) -> None:
    """RFC 7518 6.2.1.2, with leading zeros: a coordinate in 256 has one."""
    members = members_of(EC_ALGS[crv])
    for name in ("x", "y", "d"):
        raw = unb64u(members[name])
        assert len(raw) == EC_BYTES[crv]
        for other in (raw[1:], raw[:-1], b"\0" + raw, raw + b"\0", b"\4" + raw, raw * 2, raw[:1]):
            refused({**members, name: b64u(other)}, repr(name), f"exactly {EC_BYTES[crv]} octets")


@pytest.mark.parametrize("crv", EC_ALGS)
def test_leading_zeros_stay(crv: str) -> None:
    """A private number of a few bits, and a coordinate that begins with zero."""
    curve = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}[crv]()
    size, seen = EC_BYTES[crv], 0
    for number in range(1, 600):
        point = ec.derive_private_key(number, curve).public_key().public_numbers()
        x, y = (value.to_bytes(size, "big") for value in (point.x, point.y))
        if number > 3 and 0 not in (x[0], y[0]):
            continue
        members = {"kty": "EC", "crv": crv, "x": b64u(x), "y": b64u(y), "d": b64u(number.to_bytes(size, "big"))}
        assert JWK.from_dict(members).to_dict(private=True) == members
        if x[0] == 0:
            seen += 1
            refused({**members, "x": b64u(x.lstrip(b"\0"))}, "'x'", "exactly")
        refused({**members, "d": b64u(bytes([number % 255 + 1]))}, "'d'", "exactly")
    assert seen


@pytest.mark.parametrize("crv", EC_ALGS)
def test_a_point_lies_on_its_curve(crv: str) -> None:
    """ATTACKS E07, at load."""
    members, size = members_of(EC_ALGS[crv]), EC_BYTES[crv]
    most = b64u(b"\xff" * size)
    for x, y in (
        (b64u(bytes(size)), b64u(bytes(size))),  # infinity, as some write it
        (most, most),
        (members["y"], members["x"]),
        (members["x"], members["x"]),
        (members["x"], b64u(bytes([unb64u(members["y"])[0] ^ 1]) + unb64u(members["y"])[1:])),
    ):
        refused({**members, "x": x, "y": y})
        refused({**key_of(EC_ALGS[crv]).to_dict(), "x": x, "y": y}, "do not belong together, or are out of range")


@pytest.mark.parametrize("crv", EC_ORDERS)
def test_a_private_number_out_of_range(crv: str) -> None:
    members, order = members_of(EC_ALGS[crv]), EC_ORDERS[crv]
    mine = int.from_bytes(unb64u(members["d"]), "big")
    for d in (0, order, order + 1, 2**256 - 1, order - mine, (mine + 1) % order):
        refused({**members, "d": b64u(d.to_bytes(32, "big"))})
    if mine + order < 2**256:
        refused({**members, "d": b64u((mine + order).to_bytes(32, "big"))})


def test_a_point_of_another_curve_of_the_same_size() -> None:
    """ATTACKS A09: P-256 and secp256k1 both have 32 octets."""
    for mine, other in (("P-256", "secp256k1"), ("secp256k1", "P-256")):
        members = members_of(EC_ALGS[mine])
        refused({**members, "crv": other})
        refused({**members, "crv": other, "alg": EC_ALGS[other]})
        refused({**members, "alg": EC_ALGS[other]}, EC_ALGS[other], f"takes a key of type EC {other}")
        unbound = JWK.from_dict({name: value for name, value in members.items() if name != "alg"})
        token = jws.sign(b"x", key_of(EC_ALGS[other]))
        with pytest.raises(UnsupportedToken):
            jws.verify(token, unbound, algs=("ES256", "ES256K"))
        assert jws.verify(jws.sign(b"x", key_of(EC_ALGS[mine])), unbound, algs=("ES256", "ES256K")).payload == b"x"
    for crv in ("P-224", "P-256K", "p-256", "secp256r1", "K-256", "", None, 5, ["P-256"]):
        refused({**members_of("ES256"), "crv": crv}, "crv", "P-256, P-384, P-521, secp256k1")


# --------------------------------------------------------------------------------------------------- OKP


@pytest.mark.parametrize("crv", OKP_ALGS)
def test_octets_have_the_length_of_the_curve(crv: str) -> None:
    members = members_of(OKP_ALGS[crv], crv)
    for name in ("x", "d"):
        raw = unb64u(members[name])
        for other in (raw[1:], raw[:-1], b"\0" + raw, raw + b"\0", raw * 2, bytes(57), bytes(56), bytes(32)):
            if len(other) != len(raw):
                refused({**members, name: b64u(other)}, repr(name), f"exactly {len(raw)} octets")


P_25519, P_448 = 2**255 - 19, 2**448 - 2**224 - 1
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
SMALL = [
    *(("X25519", u) for u in (0, 1, *ORDER_8, P_25519 - 1, P_25519, P_25519 + 1, 2**255, 2**255 + 1, 2**256 - 20)),
    *(("X448", u) for u in (0, 1, P_448 - 1, P_448, P_448 + 1)),
]


@pytest.mark.parametrize("crv, u", SMALL, ids=[f"{crv}-{hex(u)[:10]}-{u.bit_length()}" for crv, u in SMALL])
def test_E07_a_point_of_small_order_agrees_on_nothing(crv: str, u: int) -> None:
    """Whoever encrypts to such a key, encrypts to everybody: it is refused when it is loaded. RFC 7748 6."""
    x = u.to_bytes(32 if crv == "X25519" else 56, "little")
    point = okp_class(crv, "Public").from_public_bytes(x)
    with pytest.raises(ValueError, match="shared"):  # so says the primitive
        okp_class(crv, "Private").generate().exchange(point)
    refused({"kty": "OKP", "crv": crv, "x": b64u(x)}, "small order")
    refused({"kty": "OKP", "crv": crv, "x": b64u(x), "alg": "ECDH-ES", "use": "enc"}, "small order")
    key = key_of("ECDH-ES", crv)
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "epk": {"kty": "OKP", "crv": crv, "x": b64u(x)}}
    token = f"{b64u(forge.octets(header))}..{b64u(bytes(12))}.{b64u(bytes(8))}.{b64u(bytes(16))}"
    with pytest.raises(DecryptionFailed):
        jwe.decrypt(token, key)


@pytest.mark.parametrize("crv, kind", [("X25519", x25519.X25519PrivateKey), ("X448", x448.X448PrivateKey)])
def test_any_other_point_is_taken(crv: str, kind: Any) -> None:
    """Also one that is spelt beyond the prime: RFC 7748 5 asks for it."""
    prime, size = (P_25519, 32) if crv == "X25519" else (P_448, 56)
    for u in (2, 5, 9, prime - 2, prime + 2, prime + 5):
        members = {"kty": "OKP", "crv": crv, "x": b64u(u.to_bytes(size, "little"))}
        key = JWK.from_dict(members, alg="ECDH-ES")
        assert key.to_dict() == {**members, "alg": "ECDH-ES"}
        assert jwe.encrypt(b"x", key, enc="A128GCM")
    for _ in range(20):
        x = kind.generate().public_key().public_bytes_raw()
        assert JWK.from_dict({"kty": "OKP", "crv": crv, "x": b64u(x)}).crv == crv


ED25519_SMALL = [
    *("0100000000000000000000000000000000000000000000000000000000000000", "00" * 32, "00" * 31 + "80"),
    *("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "01" + "00" * 30 + "80"),
    *("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",),
    *("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",),
    *("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "ed" + "ff" * 30 + "7f"),
]
ED448_SMALL = [
    bytes(57),
    bytes(56) + b"\x80",
    b"\1" + bytes(56),
    (P_448 - 1).to_bytes(57, "little"),
    b"\xff" * 56 + b"\0",
]


@pytest.mark.parametrize("crv, x", [
    *(("Ed25519", bytes.fromhex(x)) for x in ED25519_SMALL),
    *(("Ed448", x) for x in ED448_SMALL),
], ids=lambda value: value if isinstance(value, str) else value.hex()[:8] + value.hex()[-4:])  # fmt: skip
def test_B09_a_point_of_small_order_verifies_nothing(crv: str, x: bytes) -> None:
    """Under such a key a signature holds that nobody made."""
    refused({"kty": "OKP", "crv": crv, "x": b64u(x)}, crv)
    refused({"kty": "OKP", "crv": crv, "x": b64u(x), "alg": "EdDSA"}, crv)


def test_curves_are_told_apart() -> None:
    """ATTACKS B09: X25519 and Ed25519 have as many octets."""
    for mine, other, alg in (("Ed25519", "X25519", "ECDH-ES"), ("X25519", "Ed25519", "EdDSA")):
        members = members_of(OKP_ALGS[mine], mine)
        refused({**members, "crv": other})
        refused({**members, "alg": alg}, alg, "takes a key of type")
    for crv in ("ed25519", "Curve25519", "P-256", "", None, 5, ["Ed25519"]):
        refused({**members_of("EdDSA", "Ed25519"), "crv": crv}, "crv", "Ed25519, Ed448, X25519, X448")


# --------------------------------------------------------------------------------------------------- RSA


def rsa_numbers(number: int = 0) -> dict[str, int]:
    members = members_of("RS256", None, number)
    return {name: int.from_bytes(unb64u(members[name]), "big") for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi")}


def rsa_members(**numbers: int) -> dict[str, str]:
    return {"kty": "RSA", **{name: uint(number) for name, number in numbers.items()}}


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi"])
@pytest.mark.parametrize("change", [1, -1, 2, -2])
def test_each_part_of_an_rsa_key_is_held_against_the_others(name: str, change: int) -> None:
    numbers = rsa_numbers()
    assert JWK.from_dict(rsa_members(**numbers)).is_private
    refused(rsa_members(**{**numbers, name: numbers[name] + change}))


def test_an_rsa_key_has_all_of_its_parts_or_d_alone() -> None:
    """RFC 7518 6.3.2: if the producer includes any of the others, it includes all."""
    members, parts = members_of("RS256"), ("d", "p", "q", "dp", "dq", "qi")
    for name in parts:
        refused({key: value for key, value in members.items() if key != name}, "d alone, or all of")
    for name in parts[1:]:
        keep = {"kty", "n", "e", name}
        refused({key: value for key, value in members.items() if key in keep}, "d alone, or all of")
        refused({key: value for key, value in members.items() if key in keep | {"d"}}, "d alone, or all of")
    for oth in ([], [{"r": "AQ", "d": "AQ", "t": "AQ"}], None, "x"):
        refused({**members, "oth": oth}, "more than two primes")
        refused({**key_of("RS256").to_dict(), "oth": oth}, "more than two primes")


def test_the_primes_may_stand_in_any_order() -> None:
    numbers = rsa_numbers()
    p, q = numbers["q"], numbers["p"]
    turned = {**numbers, "p": p, "q": q, "dp": numbers["dq"], "dq": numbers["dp"], "qi": pow(q, -1, p)}
    key = JWK.from_dict(rsa_members(**turned), alg="RS256")
    assert jws.verify(jws.sign(b"x", key), key_of("RS256")).payload == b"x"


def test_leading_zeros_are_no_number() -> None:
    """RFC 7518 2: Base64urlUInt has the fewest octets."""
    members = members_of("RS256")
    for name in ("n", "e", "d", "p", "q", "dp", "dq", "qi"):
        for zeros in (b"\0", bytes(4)):
            refused({**members, name: b64u(zeros + unb64u(members[name]))}, repr(name), "leading zero octets")
    for name in ("n", "e", "d"):
        refused({**members, name: "AA"}, repr(name), "leading zero octets")


def test_d_alone_finds_the_primes() -> None:
    for number in range(4):
        numbers = rsa_numbers(number)
        alone = JWK.from_dict(rsa_members(**{name: numbers[name] for name in ("n", "e", "d")}), alg="RS256")
        found = alone.raw.private.private_numbers()
        assert {found.p, found.q} == {numbers["p"], numbers["q"]}
        assert jws.verify(jws.sign(b"x", alone), key_of("RS256", None, number)).payload == b"x"
        # modulo the least common multiple, or the product: both are d
        longer = pow(numbers["e"], -1, (numbers["p"] - 1) * (numbers["q"] - 1))
        assert JWK.from_dict(rsa_members(n=numbers["n"], e=numbers["e"], d=longer)).is_private


PRIME = (((3 << 1046 | 1) + 2 * 645) << 1000) + 1
"""n - 1 is a multiple of 2^1000: whoever looks for factors by one power for each squaring, does so for hours."""


def test_d_alone_with_a_modulus_that_is_no_product() -> None:
    """Nothing of the work grows with what the number was made for; the function of cryptography takes hours."""
    mine, other = rsa_numbers(), rsa_numbers(1)
    assert pow(5, PRIME - 1, PRIME) == 1
    square = max(mine["p"], mine["q"])
    started = time.perf_counter()
    for n, e, d in (
        (PRIME, 65537, pow(65537, -1, PRIME - 1)),
        (mine["n"], mine["e"], other["d"]),
        (mine["n"], mine["e"], mine["d"] ^ 2),
        (mine["n"], 3, (2**2047 + 1) // 3),
        (mine["n"], mine["e"], 1),
        (mine["n"], mine["e"], mine["n"] - 1),
        (mine["n"], mine["e"], mine["n"]),
        (mine["n"], mine["e"], mine["n"] + mine["d"]),
        (mine["n"] + 2, mine["e"], mine["d"]),
        (square**2, 65537, pow(65537, -1, square * (square - 1))),
    ):
        with pytest.raises(KeyFormatError):
            JWK.from_dict(rsa_members(n=n, e=e, d=d))
    assert time.perf_counter() - started < 30  # hours, otherwise


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_huge_parts_are_refused_before_they_cost_anything(name: str) -> None:
    started = time.perf_counter()
    huge = b64u(b"\x7f" * 190_000)
    with pytest.raises((KeyFormatError, WeakKey)):
        JWK.from_dict({**members_of("RS256"), name: huge})
    refused({**members_of("RS256"), name: huge * 2}, repr(name))
    assert time.perf_counter() - started < 5


# ----------------------------------------------------------------------------------------------- oct and AKP


def test_a_secret() -> None:
    longest = b64u(b"\xa5" * SECRET_BYTES_MAX)
    assert JWK.from_dict({"kty": "oct", "k": longest}).kty == "oct"
    refused({"kty": "oct", "k": b64u(b"\xa5" * (SECRET_BYTES_MAX + 1))}, str(SECRET_BYTES_MAX))
    for k in ("", None, 5, [], b"AAAA", "A"):
        refused({"kty": "oct", "k": k}, "'k'")
    refused({"kty": "oct"}, "'k'")
    assert JWK.from_dict({"kty": "oct", "k": "AA"}).alg is None  # nothing takes it: test_key_rules


@pytest.mark.parametrize("alg", ML_DSA)
def test_B10_a_key_of_ml_dsa_is_bound_to_its_parameters(alg: str) -> None:
    """RFC 9964 3, 4: ``alg`` is required, ``priv`` is the seed of 32 octets."""
    members = members_of(alg)
    assert members.keys() == {"kty", "alg", "pub", "priv", "kid"}
    assert len(unb64u(members["priv"])) == 32
    without = {name: value for name, value in members.items() if name != "alg"}
    refused(without, "AKP", "'alg'")
    for asked in ML_DSA:
        with pytest.raises(KeyFormatError):
            JWK.from_dict(without, alg=asked)
    for other in {*ML_DSA} - {alg}:
        refused({**members, "alg": other}, "exactly")
        with pytest.raises(KeyFormatError, match="another alg"):
            JWK.from_dict(members, alg=other)
        refused({**members, "pub": members_of(other)["pub"]}, "'pub'", "exactly")
    for wrong in ("ES256", "EdDSA", "A128KW", "ML-DSA", "ml-dsa-44", "", None, 5):
        refused({**members, "alg": wrong}, "alg")
    assert JWK.from_dict(members, alg=alg).alg == alg
    seed = unb64u(members["priv"])
    for priv in (seed[:-1], seed + b"\0", seed * 2, b"\0" + seed, bytes(2560), bytes(32)):
        refused({**members, "priv": b64u(priv)}, "'priv'")


def test_B10_a_thumbprint_holds_the_alg() -> None:
    """RFC 9964 6: alg, kty and pub."""
    for name in ("ML_DSA_44", "ML_DSA_65", "ML_DSA_87"):
        example = vectors.load(f"jose-ml-dsa/{name}.jose.json")
        key = JWK.from_dict(example["jwk"])
        assert key.to_dict(private=True).items() >= {k: v for k, v in example["jwk"].items() if k != "kid"}.items()
        assert key.thumbprint() == key.public().thumbprint()
        if "kid" in example["jwk"]:
            assert key.thumbprint() == example["jwk"]["kid"]
    members = {"kty": "AKP", "alg": "ML-DSA-44", "pub": key_of("ML-DSA-44").to_dict()["pub"]}
    text = '{"alg":"ML-DSA-44","kty":"AKP","pub":"' + members["pub"] + '"}'
    assert JWK.from_dict(members).thumbprint() == b64u(hashlib.sha256(text.encode()).digest())


@pytest.mark.parametrize("alg", ML_DSA)
def test_B10_a_header_names_the_parameters_of_the_key(alg: str) -> None:
    """An ML-DSA-65 key under a header that says ML-DSA-44."""
    key = key_of(alg)
    good = jws.sign(b"x", key)
    assert jws.verify(good, key).payload == b"x"
    for other in {*ML_DSA} - {alg}:
        bad = forge.compact({"alg": other}, b"x", lambda _: unb64u(good.rpartition(".")[2]))
        for keys, algs in ((key, None), (key, (alg,)), (key, tuple(ML_DSA)), ([key, key_of("ES256")], None)):
            with pytest.raises(UnsupportedToken):
                jws.verify(bad, keys, algs=algs)
        with pytest.raises((UnsupportedToken, InvalidSignature)):
            jws.verify(bad, [key, key_of(other)])
