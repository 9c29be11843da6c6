"""Compact JWE: ``jwe.decrypt`` against a judge that unwraps, derives and decrypts itself.

An input is a token, as it arrives. It is decrypted under a set of one key for each algorithm, with everything allowed
and with the defaults, and under the single key of its algorithm; what comes out must be what the judge decrypts.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass.jose import jwe
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import INFLATED_BYTES_FREE
from fuzz import headers, sealing, vectors
from fuzz.chance import Chance
from fuzz.compact import rearranged, respellings
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest, json_object, octets, same_json
from fuzz.keys import b64u, derived
from fuzz.sealing import AGREEMENT_CURVES, ENCS, PBES2, Sealed, alg_of
from fuzz.target import Target

Members = dict[str, Any]
HEADER_NAMES = (
    "alg",
    "enc",
    "zip",
    "kid",
    "typ",
    "cty",
    "crit",
    "b64",
    "epk",
    "apu",
    "apv",
    "iv",
    "tag",
    "p2s",
    "p2c",
    "jwk",
    "x",
)
ALLOW_ALL: dict[str, Any] = {"allow_zip": True, "allow_pbes2": True, "allow_rsa1_5": True}
PLAINTEXT = b'{"sub":"u","exp":253402300799}'
ALGS = tuple(dict.fromkeys(alg_of(kid) for kid in sealing.KIDS))


@cache
def key(kid: str) -> JWK:
    """A fixed key, as daypass loads it."""
    return JWK.from_dict(sealing.members_of(kid))


@cache
def keys() -> JWKSet:
    """All fixed keys."""
    return JWKSet([key(kid) for kid in sealing.KIDS])


# ----------------------------------------------------------------------------------------------------- judge


def check_header(protected: Members, members: Members, *, everything: bool) -> None:
    """Hold a header against what is allowed. Raises Refuse."""
    headers.check(protected, members)
    if "crit" in members or "b64" in members:
        raise Refuse("critical, and not understood")
    if not isinstance(members.get("enc"), str) or members["enc"] not in ENCS:
        raise Refuse("no such enc")
    if members.get("zip", "DEF") != "DEF":
        raise Refuse("another compression")
    if not everything and ("zip" in members or members["alg"] in PBES2 or members["alg"] == "RSA1_5"):
        raise Refuse("not allowed")


def kid_for(members: Members, single: str | None) -> str:
    """The fixed key that a header selects. Raises Refuse."""
    fitting = [kid for kid in sealing.KIDS if alg_of(kid) == members["alg"]]
    named = [kid for kid in fitting if kid == (single or members.get("kid", kid))]
    if len(named) != 1 or (named[0] in ENCS and named[0] != members["enc"]):
        raise Refuse("no such key, or several")
    return named[0]


def inflated(packed: bytes) -> bytes:
    """Decompress. Raises Refuse; Undecided where a bound may be passed."""
    unpacker = zlib.decompressobj(wbits=-15)
    try:
        plaintext = unpacker.decompress(packed, INFLATED_BYTES_FREE)
    except zlib.error:
        raise Refuse("no DEFLATE") from None
    if len(plaintext) == INFLATED_BYTES_FREE:
        raise Undecided
    if not unpacker.eof or unpacker.unused_data:
        raise Refuse("cut, or with something behind it")
    return plaintext


def judge(token: str, single: str | None, *, everything: bool) -> tuple[bytes, Members]:
    """The plaintext and the header of a token that has to be accepted. Raises Refuse or Undecided."""
    if not token.isascii() or token.count(".") != 4:
        raise Refuse("not five segments")
    head, *segments = token.split(".")
    encrypted_key, iv, ciphertext, tag = map(octets, segments)
    members = headers.read(head)
    check_header(members, members, everything=everything)
    cek = sealing.take_key(kid_for(members, single), members["enc"], members, encrypted_key)
    plaintext = sealing.open_content(members["enc"], cek, Sealed(iv, ciphertext, tag, head.encode()))
    return inflated(plaintext) if "zip" in members else plaintext, members


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Decrypt in every way, and hold each answer against the judge."""
    token = as_text(data)
    stages = []
    ways: list[tuple[JWK | JWKSet, str | None, bool]] = [(keys(), None, True), (keys(), None, False)]
    kid = _named(token)
    if kid is not None:
        ways.append((key(kid), kid, True))
    for ring, single, everything in ways:
        words: dict[str, Any] = ALLOW_ALL if everything else {}
        stage, decrypted = attempt(partial(jwe.decrypt, token, ring, **words))
        again, warm = attempt(partial(jwe.decrypt, token, ring, **words))
        demand(stage == again and decrypted == warm, "jwe.decrypt answers otherwise the second time")
        stages.append(stage)
        verdict, plaintext = "accept", b""
        members: Members = {}
        try:
            plaintext, members = judge(token, single, everything=everything)
        except Refuse:
            verdict = "refuse"
        except Undecided:
            verdict = "undecided"
        agree(stage, verdict, "jwe.decrypt")
        if decrypted is not None and verdict != "undecided":
            demand(decrypted.plaintext == plaintext, "the plaintext is another than the one that was encrypted")
            demand(same_json(decrypted.header, members), "the header is another than the one that was authenticated")
            if members["alg"] in sealing.FAST or crc32(data) % 16 == 0:
                _encrypt_again(decrypted)
            _respell(token, ring, words)
    return furthest(stages)


def _named(token: str) -> str | None:
    """The one key that a header names."""
    try:
        members = headers.read(token.partition(".")[0])
    except (Refuse, Undecided):
        return None
    kid = members.get("kid", members.get("alg"))
    return kid if kid in sealing.KIDS else None


def _encrypt_again(decrypted: jwe.DecryptedJWE) -> None:
    """What is accepted can be issued, and decrypts to the same."""
    names = ("zip", "apu", "apv", "typ", "cty", "x")
    extra = {name: decrypted.header[name] for name in names if name in decrypted.header}
    if decrypted.header["alg"] not in AGREEMENT_CURVES:
        extra = {name: value for name, value in extra.items() if name not in ("apu", "apv")}
    if decrypted.header["alg"] in PBES2:
        extra["p2c"] = 1000
    if len(str(extra)) > 5000:
        return
    token = jwe.encrypt(decrypted.plaintext, decrypted.key, enc=decrypted.header["enc"], header=extra)
    demand(
        jwe.decrypt(token, decrypted.key, **ALLOW_ALL).plaintext == decrypted.plaintext,
        "encrypted again, it is another",
    )


def _respell(token: str, ring: JWK | JWKSet, words: dict[str, Any]) -> None:
    """One token has one spelling."""
    for other in respellings(token):
        stage, _ = attempt(partial(jwe.decrypt, other, ring, **words))
        demand(stage != "accepted", "two spellings of one token are accepted")


# --------------------------------------------------------------------------------------------------- inputs


def made(head: bytes, plaintext: bytes, enc: str, handed: sealing.Handed) -> bytes:
    """A token under a key that was handed over, whatever its header says."""
    text = b64u(head)
    cek = handed.cek if len(handed.cek) == ENCS[enc] else derived(enc, ENCS[enc])
    parts = sealing.seal_content(enc, cek, plaintext, text.encode())
    return ".".join([text, b64u(handed.encrypted_key), *map(b64u, parts)]).encode()


def packed(plaintext: bytes) -> bytes:
    """Compress."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(plaintext) + packer.flush()


def fresh(kid: str, enc: str, extra: Members | None = None, plaintext: bytes = PLAINTEXT) -> bytes:
    """A good token."""
    members: Members = {"alg": alg_of(kid), "enc": enc, "kid": kid, **(extra or {})}
    handed = sealing.hand_over(kid, enc, members)
    head = json.dumps({**members, **handed.members}, separators=(",", ":")).encode()
    return made(head, packed(plaintext) if "zip" in members else plaintext, enc, handed)


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens of every algorithm and content encryption."""
    found = [fresh("dir", enc) for enc in ("A256GCM", "A128CBC-HS256")] + [fresh("A128GCM", "A128GCM")]
    found += [fresh(kid, enc) for kid, enc in zip(sealing.KIDS[2:], list(ENCS) * 4, strict=False)]
    found += [fresh("dir", "A256GCM", {"zip": "DEF"}), fresh("A128KW", "A128GCM", {"zip": "DEF"}, bytes(3000))]
    found += [fresh("ECDH-ES", "A256GCM", {"apu": "QWxpY2U", "apv": "Qm9i"}), fresh("A256KW", "A192GCM", {}, b"")]
    return (*found, fresh("dir", "A256GCM", {"typ": "JWT", "cty": "JWT"}), fresh("dir", "A128CBC-HS256", {}, b""))


def seeds() -> list[bytes]:
    """Good tokens, and those of the vectors."""
    return [*good(), *vectors.compact(4)]


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a token by its structure, and encrypt it again unless the change is about what is encrypted."""
    segments = data.split(b".")
    if len(segments) != 5 or chance.once_in(40):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    try:
        head = octets(as_text(segments[0]))
        members = json_object(head)
        raw = [octets(as_text(segment)) for segment in segments]
    except (Refuse, Undecided):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kinds: tuple[tuple[int, Callable[[], bytes]], ...] = (
        (6, lambda: sealed_again(likely(members, chance), chance)),
        (2, lambda: sealed_again(members, chance, plaintext=chance.octets(PLAINTEXT))),
        (3, lambda: _touched(segments, raw, chance)),
        (2, lambda: rearranged(segments, chance)),
        (1, lambda: b".".join([b64u(chance.spell(chance.members(members, HEADER_NAMES))).encode(), *segments[1:]])),
        (1, lambda: chance.octets(data)),
    )
    return chance.pick([kind for weight, kind in kinds for _ in range(weight)])()


def likely(members: Members, chance: Chance) -> Members:
    """Change a header: often to another one that may stand."""
    kind = chance.random.randrange(5)
    if kind == 0:
        kid = chance.pick(sealing.FAST if not chance.once_in(4) else sealing.KIDS)
        return {**members, "alg": alg_of(kid), "kid": kid}
    if kind == 1:
        return {**members, "enc": chance.pick(tuple(ENCS))}
    if kind == 2:
        return (
            {**members, "zip": "DEF"} if chance.once_in(2) else {**members, chance.pick(("apu", "apv")): b64u(b"Alice")}
        )
    return chance.members(members, HEADER_NAMES)


def sealed_again(members: Members, chance: Chance, plaintext: bytes = PLAINTEXT) -> bytes:
    """Encrypt under what a header says, as far as it says it; at times what it must say stays as it was."""
    enc = members.get("enc")
    enc = enc if isinstance(enc, str) and enc in ENCS else "A256GCM"
    named = members.get("kid", members.get("alg"))
    kids = [kid for kid in sealing.KIDS if kid == named] or [
        kid for kid in sealing.KIDS if alg_of(kid) == members.get("alg")
    ]
    handed = sealing.hand_over(kids[0] if kids else "dir", enc, members)
    members = {**handed.members, **members} if chance.once_in(3) else {**members, **handed.members}
    if "zip" in members and not chance.once_in(8):
        plaintext = chance.pick(
            (packed(plaintext), packed(bytes(2000)), packed(plaintext)[:-1], packed(plaintext) + b"x")
        )
        plaintext = packed(bytes(1 << chance.random.randrange(20))) if chance.once_in(16) else plaintext
    return made(chance.spell(members), plaintext, enc, handed)


def _touched(segments: list[bytes], raw: list[bytes], chance: Chance) -> bytes:
    """Change key, iv, ciphertext or tag."""
    at = chance.random.randrange(1, 5)
    return b".".join([*segments[:at], b64u(chance.fixed_size(raw[at])).encode(), *segments[at + 1 :]])


TARGET = Target(
    name="jwe",
    reads="compact JWE",
    concerns=(
        "jose/jwe_compact.py",
        "jose/jwe_header.py",
        "jose/jwe_message.py",
        "jose/jwe_sender.py",
        "jose/key_choice.py",
        "jose/key_use.py",
        "jose/jwa/key_management.py",
        "jose/jwa/content_encryption.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
