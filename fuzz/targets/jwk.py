"""JWK and JWK Set: ``JWK.from_json`` and ``JWKSet.from_json`` against a judge that does the arithmetic itself.

An input is JSON text: a key, or an object with ``keys``. A key that is accepted has halves that belong together, is
written as it was read, has the thumbprint of the judge, shows nothing of itself and can be used.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass.errors import KeyFormatError, WeakKey
from daypass.jose import jws
from daypass.jose.jwa.signature import SIGNATURE_ALGORITHMS
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from fuzz import key_material, keys, signing, vectors
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest, json_object, octets
from fuzz.keys import b64u
from fuzz.target import Target

Members = dict[str, Any]
NAMES: tuple[str, ...] = (
    "kty",
    "crv",
    "alg",
    "kid",
    "use",
    "key_ops",
    "k",
    "n",
    "e",
    "d",
    "p",
    "q",
    "dp",
    "dq",
    "qi",
    "oth",
    "x",
    "y",
)
NAMES += ("pub", "priv", "x5c", "x5t", "x5t#S256", "keys", "ext")
PRIVATE = {"oct": {"k"}, "RSA": {"d", "p", "q", "dp", "dq", "qi"}, "EC": {"d"}, "OKP": {"d"}, "AKP": {"priv"}}
WORDS: tuple[str, ...] = (
    "oct",
    "RSA",
    "EC",
    "OKP",
    "AKP",
    "P-256",
    "P-384",
    "P-521",
    "secp256k1",
    "Ed25519",
    "Ed448",
    "X25519",
    "X448",
)
WORDS += ("HS256", "RS256", "ES256", "EdDSA", "ML-DSA-44", "A128KW", "A256GCM", "dir", "sig", "enc", "AQAB", "Aw")
REFUSALS = (KeyFormatError, WeakKey)


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Load a key or a set, and hold what was loaded against the judge."""
    text = as_text(data)
    members: Members | None = None
    undecided = False
    try:
        members = json_object(data)
    except Refuse:
        pass
    except Undecided:
        undecided = True
    if members is not None and "keys" in members:
        return _run_set(text, members)
    stage, key = attempt(lambda: JWK.from_json(text), REFUSALS)
    if members is None:
        agree(stage, "undecided" if undecided else "refuse", "JWK.from_json")
        return stage
    agree(stage, key_material.judge(members), "JWK.from_json")
    if key is not None and key.kty == "RSA" and key.is_private and crc32(data) % 8:
        return stage  # such a key takes 20 ms to load: what follows would load it five times more
    again, same = attempt(lambda: JWK.from_dict(members), REFUSALS)
    demand(again == stage, "from_dict answers otherwise than from_json")
    if key is None or same is None:
        return stage
    check_written(key, members)
    check_usable(key, data)
    demand(same.to_dict(private=same.is_private) == key.to_dict(private=key.is_private), "from_dict reads another key")
    return stage


def check_written(key: JWK, members: Members) -> None:
    """It is written as it was read, without its private parts unless asked, and shows none of them."""
    private = key.to_dict(private=key.is_private)
    known = {name: value for name, value in members.items() if name in private and name != "x5t#S256"}
    demand(known == {name: private[name] for name in known}, "a member is written otherwise than it was read")
    demand(JWK.from_dict(private).to_dict(private=key.is_private) == private, "what was written is read as another key")
    secret = PRIVATE[key.kty]
    demand(key.is_private == bool(secret & members.keys()), "private parts came, or went")
    shown = f"{key!r} {key}".replace(repr(key.kid), "").replace(
        repr(key.alg), ""
    )  # two words that the key chose itself
    demand(
        not any(len(private[name]) > 8 and private[name] in shown for name in secret & private.keys()), "repr shows it"
    )
    if key.kty != "oct":
        public = key.to_dict()
        demand(not secret & public.keys(), "a private part is written with the public ones")
        demand(key.public().to_dict() == {**public, **_ops(key)}, "the public half is written otherwise")
        demand(JWK.from_dict(public).thumbprint() == key.thumbprint(), "the halves have different thumbprints")
    required = {name: private[name] for name in sorted(("kty", *keys.PUBLIC_MEMBERS[key.kty]))}
    text = json.dumps(required, separators=(",", ":")).encode()
    demand(key.thumbprint() == b64u(hashlib.sha256(text).digest()), "the thumbprint is another")


def _ops(key: JWK) -> Members:
    """The operations of the public half: others than those of the key, where it names any."""
    ops = key.public().key_ops
    return {} if ops is None else {"key_ops": list(ops)}


def check_usable(key: JWK, data: bytes) -> None:
    """A private key that names a signature algorithm signs, and its public half verifies."""
    alg = key.alg
    if alg not in SIGNATURE_ALGORITHMS or not key.is_private or key.use == "enc" or key.key_ops is not None:
        return
    if key.use not in (None, "sig") or (key.kty in ("RSA", "AKP") and crc32(data) % 8):
        return
    token = jws.sign(b"payload", key)
    demand(
        jws.verify(token, key if key.kty == "oct" else key.public()).payload == b"payload", "it does not verify its own"
    )


def _run_set(text: str, members: Members) -> str:
    """A set holds the keys that can be read, in order, and finds them by name."""
    stage, loaded = attempt(lambda: JWKSet.from_json(text), REFUSALS)
    entries = members["keys"] if isinstance(members["keys"], list) else []
    each = [attempt(partial(JWK.from_dict, entry), REFUSALS) for entry in entries]
    read = [key for _, key in each if key is not None]
    names = [(entry.get("kty"), entry.get("kid")) for entry in entries if isinstance(entry, dict)]
    names = [name for name in names if all(isinstance(word, str) for word in name)]
    verdict = "accept" if read and len(set(names)) == len(names) else "refuse"
    agree(stage, verdict, "JWKSet.from_json")
    if loaded is None:
        return furthest([stage, *(one for one, key in each if key is None)])
    demand([_all(key) for key in loaded] == [_all(key) for key in read], "the set holds other keys")
    for key in read:
        demand(
            any(_all(key) == _all(one) for one in loaded.find(kid=key.kid, alg=key.alg, use=key.use)),
            "a key is not found",
        )
    demand(
        not any(PRIVATE[entry["kty"]] & entry.keys() for entry in loaded.to_dict()["keys"]),
        "a set is written with private parts",
    )
    return stage


def _all(key: JWK) -> Members:
    return key.to_dict(private=key.is_private)


# --------------------------------------------------------------------------------------------------- inputs


@cache
def good() -> tuple[bytes, ...]:
    """Keys of every kind, private and public, and sets of them."""
    algs = [alg for alg in signing.algorithms() if alg[:2] not in ("RS", "PS") or alg == "PS256"]  # RSA loads slowly
    private = [signing.members_of(alg) for alg in algs]
    bare = [
        {name: value for name, value in one.items() if name not in ("alg", "kid")}
        for one in private
        if one["kty"] != "AKP"
    ]
    private += [*bare, *(keys.okp_members(crv) for crv in ("X25519", "X448")), keys.oct_members("dir", 16)]
    private += [{**keys.oct_members("A128GCM", 16), "alg": "A128GCM", "use": "enc", "key_ops": ["encrypt", "decrypt"]}]
    d_alone = keys.rsa_members()
    private += [{name: d_alone[name] for name in ("kty", "n", "e", "d")}]
    public = [keys.public_half(one) for one in private if one["kty"] != "oct"]
    sets: list[Members] = [
        {"keys": private[:4]},
        {"keys": [{"kty": "new"}, *public[3:8]]},
        {"keys": [{**private[0], "kid": "a"}]},
    ]
    return tuple(json.dumps(one, separators=(",", ":")).encode() for one in (*private, *public, *sets))


def seeds() -> list[bytes]:
    """Keys of every kind, and those of the vectors."""
    return [*good(), *vectors.objects("kty"), *vectors.objects("keys")]


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a member of a key, at times so that the others still belong to it."""
    try:
        members = json_object(data)
    except (Refuse, Undecided):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    if chance.once_in(20):
        return chance.octets(data)
    if "p" in members and not chance.once_in(6):  # a private key of RSA takes 40 ms to load: the others come first
        members = json_object(chance.pick(good()))
    entries = members.get("keys")
    if isinstance(entries, list) and not chance.once_in(8):
        at = chance.random.randrange(len(entries) + 1)
        if at == len(entries) or not isinstance(entries[at], dict):
            entries.insert(at, json_object(chance.pick(good())))
        elif chance.once_in(4):
            del entries[at]
        else:
            entries[at] = _changed(entries[at], chance)
        return chance.spell(members)
    if chance.once_in(20):
        return chance.spell({"keys": [members, *([members] if chance.once_in(2) else [])]})
    return chance.spell(_changed(members, chance))


def _changed(members: Members, chance: Chance) -> Members:
    kind = chance.random.randrange(8)
    if kind == 0:
        return chance.members(members, NAMES)
    if kind == 1:
        return {**members, chance.pick(NAMES): chance.pick(WORDS)}
    if kind == 2:
        return key_material.relative(members, chance)
    if kind == 3:
        other = json_object(chance.pick(good()))
        name = chance.pick(tuple(other))
        return {**members, name: other[name]}
    if kind == 4:
        ops = ["sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits", "x"]
        return {**members, "key_ops": [chance.pick(ops) for _ in range(chance.random.randrange(4))]}
    name = chance.pick(tuple(members) or ("k",))
    try:
        raw = octets(members.get(name, ""))
    except (Refuse, TypeError):
        return {**members, name: chance.value(members.get(name))}
    return {**members, name: b64u(chance.fixed_size(raw))}


TARGET = Target(
    name="jwk",
    reads="JWK and JWK Set",
    concerns=(
        "jose/jwk.py",
        "jose/jwk_set.py",
        "jose/jwk_members.py",
        "jose/raw_key.py",
        "jose/key_rules.py",
        "jose/certificate.py",
        "concealed.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
