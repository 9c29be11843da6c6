"""PASERK: ``paserk.load`` of every version and type, with and without words, against a judge that opens them itself.

An input is a text, as it arrives. It is loaded plainly, with the fixed password, wrapping key and unsealing key, and
with words that cannot fit; the judge says which one gives which key. A key that was loaded keeps its octets and its id,
is written as the same text where nothing protects it, and works, unless it is no sound point: then it says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass import limits, paseto
from daypass.errors import ConfigurationError, InvalidSignature, KeyFormatError, WeakKey
from daypass.paseto import paserk
from fuzz import paserk_protecting, paseto_keys, vectors
from fuzz.chance import Chance
from fuzz.compact import rearranged, respellings
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest
from fuzz.keys import b64u
from fuzz.paserk_protecting import HEADER, IDS, PASSWORD, TYPES, Text, cost_of, joined, opened, protected, split
from fuzz.paseto_keys import VERSIONS
from fuzz.paseto_relatives import relative
from fuzz.target import Target

REFUSALS = (KeyFormatError, WeakKey)
KINDS = {"local": paseto.LocalKey, "secret": paseto.SecretKey, "public": paseto.PublicKey}
DEAR_ONCE_IN = 16
"""Costs that are allowed and high are spent once in so many times: what they bound is the time of one try."""
PASSWORD_ONCE_IN = 256
"""The same of what ``dump`` spends by itself."""
Key = paseto.LocalKey | paseto.SecretKey | paseto.PublicKey


@cache
def words(version: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - an int, one of four
    """Each word, with its fixed value, as ``load`` takes it."""
    octets = paseto_keys.secret_octets(version, paseto_keys.secret(version))
    wrapping = paseto_keys.local(version, "wrapping")
    unsealing: Any = paseto.SecretKey.from_bytes(version, octets) if version > 1 else _sealing_rsa()
    return {
        "": {},
        "password": {"password": PASSWORD},
        "wrapping_key": {"wrapping_key": paseto.LocalKey.from_bytes(version, wrapping)},
        "unsealing_key": {"unsealing_key": unsealing, "allow_raw_rsa": True},
    }


@cache
def _sealing_rsa() -> paseto.SecretKey:
    return paseto.SecretKey.from_bytes(1, paseto_keys.secret_octets(1, paseto_keys.sealing_rsa()))


def load(text: str, *, word: str, version: int, only: int | None = None) -> Key:
    """Load with one of the fixed words."""
    return paserk.load(text, version=only, **words(version)[word])  # type: ignore[arg-type]  # an int, one of four


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Load in every way, and hold each answer against the judge."""
    text, digest = as_text(data), crc32(data)
    try:
        parted: Text | None = split(text)
    except Refuse:
        parted = None
    version = parted.version if parted else digest % 4 + 1
    if parted and parted.word == "password" and cost_of(parted) == "dear" and digest % DEAR_ONCE_IN:
        return "policy"
    stages = []
    for word in words(version):
        stage, key = attempt(partial(load, text, word=word, version=version), REFUSALS)
        stages.append(stage)
        octets = b""
        try:
            if parted is None or parted.word != word:
                raise Refuse("no PASERK, or one that this word does not open")
            octets, verdict = opened(parted), "accept"
        except Refuse:
            verdict = "refuse"
        except Undecided:
            verdict = "undecided"
        agree(stage, verdict, f"load with {word or 'no word'}")
        if key is not None and parted is not None and verdict == "accept":
            _check(key, parted, octets)
            _use(key, parted, digest)
            _with_other_words(text, parted)
    _is_ambiguous(text)
    return furthest(stages)


def _check(key: Key, it: Text, octets: bytes) -> None:
    """The key is the one that is written there, and has one id and one text."""
    demand(isinstance(key, KINDS[it.kind]), "a key of another kind")
    demand(key.version == it.version, "a key of another version")
    demand(key.to_bytes() == octets, "the key is another than the one that is written there")
    plain = joined(Text(it.version, it.kind, octets))
    demand(paserk.dump(key) == plain, "written, the key is another text")
    wanted = paserk_protecting.key_id(it.version, it.kind, octets)
    again = paserk.load(plain)
    for one in (key, again, key):
        demand(paserk.key_id(one) == wanted, "the id is another than the judge's")
    demand(type(again) is type(key) and again.to_bytes() == octets, "loaded again, it is another key")


def _with_other_words(text: str, it: Text) -> None:
    """Another version, key or spelling opens nothing."""
    other = it.version % 4 + 1
    ways = [partial(load, text, word=it.word, version=it.version, only=other)]
    if it.word in ("wrapping_key", "unsealing_key"):
        ways.append(partial(load, text, word=it.word, version=other))
    for way in ways:
        stage, _ = attempt(way, REFUSALS)
        demand(stage == "malformed", f"with a word of another version: {stage}")
    stage, _ = attempt(partial(load, text, word=it.word, version=it.version, only=it.version), REFUSALS)
    demand(stage == "accepted", "with its own version demanded it is refused")
    for respelled in respellings(text):
        found = HEADER.match(respelled)
        if found is None or found[0].encode() == it.header:  # another header is another key, perhaps a good one
            stage, _ = attempt(partial(load, respelled, word=it.word, version=it.version), REFUSALS)
            demand(stage != "accepted", "two spellings of one key are accepted")


def _is_ambiguous(text: str) -> None:
    """Two words, and RSA that was not allowed, are mistakes of the caller, whatever the text."""
    both = {"password": PASSWORD, "wrapping_key": words(4)["wrapping_key"]["wrapping_key"]}
    for mistaken in (both, {"unsealing_key": _sealing_rsa()}):
        try:
            paserk.load(text, **mistaken)
        except ConfigurationError:
            continue
        demand(False, "words that say nothing, or too much, are taken")


def _use(key: Key, it: Text, digest: int) -> None:
    """The key works: what it wraps, seals and signs is opened again; a point that is not sound is refused."""
    if isinstance(key, paseto.PublicKey):
        _use_public(key, it)
        return
    fixed = words(it.version)
    if digest % PASSWORD_ONCE_IN == 0:
        text = paserk.dump(key, password=PASSWORD)
        demand(paserk.load(text, password=PASSWORD).to_bytes() == key.to_bytes(), "under a password, it is another key")
    text = paserk.dump(key, wrapping_key=fixed["wrapping_key"]["wrapping_key"])
    demand(opened(split(text)) == key.to_bytes(), "wrapped, the judge opens it to another key")
    if isinstance(key, paseto.LocalKey):
        if it.version > 1 or digest % DEAR_ONCE_IN == 0:
            sealing = fixed["unsealing_key"]["unsealing_key"].public()
            text = paserk.dump(key, sealing_key=sealing, allow_raw_rsa=True)
            demand(opened(split(text)) == key.to_bytes(), "sealed, the judge opens it to another key")
        return
    token = paseto.sign(b"m", key, allow_legacy=True)
    demand(paseto.verify(token, key.public()).payload == b"m", "what it signs does not verify")


def _use_public(key: paseto.PublicKey, it: Text) -> None:
    sound = it.version == 1 or paseto_keys.is_sound_point(it.version, key.to_bytes())
    body = bytes(256 if it.version == 1 else 96)
    token = f"v{it.version}.public.{b64u(body)}"
    try:
        paseto.verify(token, key)
    except InvalidSignature:
        demand(sound, "a point under which signatures can be forged is used")
    except KeyFormatError:
        demand(not sound, "a sound point is refused")
    else:
        demand(False, "a signature of nobody holds")
    if it.version > 1:
        given = paseto.LocalKey.from_bytes(it.version, bytes(32))  # type: ignore[arg-type]  # an int, one of four
        stage, _ = attempt(lambda: paserk.dump(given, sealing_key=key), REFUSALS)
        demand(stage == ("accepted" if sound else "malformed"), f"sealing with such a point: {stage}")


# --------------------------------------------------------------------------------------------------- inputs


@cache
def good() -> tuple[bytes, ...]:
    """Every type of every version, and RSA that is too long."""
    found = [joined(fresh(version, name)) for version in VERSIONS for name in TYPES]
    found.append(joined(protected(1, "secret-pw", paseto_keys.fixed_octets(1, "secret"))))
    found.append(joined(Text(1, "public", paseto_keys.public_octets(1, paseto_keys.sealing_rsa()))))
    found.append(joined(Text(1, "secret", paseto_keys.secret_octets(1, paseto_keys.sealing_rsa()))))
    found += [joined(Text(1, kind, paseto_keys.fixed_octets(1, kind) + bytes(4096))) for kind in ("public", "secret")]
    return tuple(text.encode() for text in found)


def fresh(version: int, name: str) -> Text:
    """A good text; of an id, that of a fixed key."""
    for kind, of_id in IDS.items():
        if name == of_id:
            return split(paserk_protecting.key_id(version, kind, paseto_keys.fixed_octets(version, kind)))
    kind = Text(version, name, b"").kind
    octets = paseto_keys.fixed_octets(version, kind)
    return protected(version, name, paseto_keys.pem_of_rsa() if (version, name) == (1, "secret-pw") else octets)


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change the key inside and protect it again, or what protects it: costs, lengths, nonces, tags, or the text."""
    try:
        it = split(as_text(data))
    except Refuse:
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kinds: tuple[tuple[int, Callable[[], bytes]], ...] = (
        (6, lambda: _another_key(it, chance)),
        (3, lambda: joined(_changed_data(it, chance)).encode()),
        (2, lambda: _costs(chance)),
        (2, lambda: joined(fresh(chance.pick((2, 3, 4)), chance.pick(TYPES))).encode()),
        (1, lambda: joined(it._replace(version=chance.pick(VERSIONS), type=chance.pick(TYPES))).encode()),
        (1, lambda: _headed(it, chance)),
        (1, lambda: rearranged(data.split(b"."), chance)),
        (1, lambda: chance.pick(respellings(as_text(data))).encode("utf-8", "surrogateescape")),
        (1, lambda: data[: chance.random.randrange(len(data))]),
        (1, lambda: chance.octets(data)),
    )
    return chance.pick([one for weight, one in kinds for _ in range(weight)])()


def _another_key(it: Text, chance: Chance) -> bytes:
    """A relative of the key inside, or of the fixed one, under the same type; RSA, which is slow, not often."""
    version, name = it.version, it.type
    if (version, name) == (1, "seal") and not chance.once_in(8):
        version = 4
    if name in IDS.values():
        name = next(kind for kind, of_id in IDS.items() if of_id == name)
    kind = Text(version, name, b"").kind
    key = paseto_keys.fixed_octets(version, kind)
    if it.word == "" and version == it.version and name == it.type and chance.once_in(2):
        key = it.data
    changed = relative(version, kind, key, chance)
    if (version, name) == (1, "secret-pw") and chance.once_in(2):
        changed = chance.octets(paseto_keys.pem_of_rsa())
    return joined(protected(version, name, changed)).encode()


def _changed_data(it: Text, chance: Chance) -> Text:
    """Change some octets of the data; costs stay, since most others are refused or take long."""
    begin, end = 0, 0
    if it.word == "password":
        salt, size = paserk_protecting.head_bytes(it.version)
        begin, end = salt, salt + size
    if chance.once_in(2) or not end:
        return it._replace(data=it.data[:end] + chance.fixed_size(it.data[end:]))
    return it._replace(data=chance.fixed_size(it.data[:begin]) + it.data[begin:])


def _costs(chance: Chance) -> bytes:
    """Other costs, honestly protected where they are cheap: on both sides of each bound, and such as wrap around."""
    version = chance.pick(VERSIONS)
    kind = "secret" if chance.once_in(3) and version > 1 else "local"
    if version in paserk_protecting.NIST:
        most = limits.PASERK_PBKDF2_COUNT_MAX
        rounds = chance.pick(
            (0, 1, 999, 1000, 1001, 2000, most + 1, 2**31, 2**32 - 1, most if chance.once_in(8) else 0)
        )
        costs = rounds.to_bytes(4, "big")
    else:
        least, most = 8192, limits.ARGON2_MEMORY_BYTES_MAX
        memory = chance.pick((0, 1, 1024, 8191, least, least + 1, 2 * least, 16 * least, 2**20, 2**63, 2**64 - 1))
        passes, lanes = chance.pick((0, 1, 2, 16, 17, 2**31, 2**32 - 1)), chance.pick((0, 1, 1, 2, 16, 17, 2**32 - 1))
        if chance.once_in(8):
            work = limits.ARGON2_WORK_BYTES_MAX
            memory = chance.pick((most, most + 1024, most - 1024, work // 16, work // 16 + 1024))
            passes = chance.pick((1, 4, 5, work // memory, work // memory + 1))
        costs = memory.to_bytes(8, "big") + passes.to_bytes(4, "big") + lanes.to_bytes(4, "big")
    return joined(protected(version, f"{kind}-pw", paseto_keys.fixed_octets(version, kind), costs)).encode()


def _headed(it: Text, chance: Chance) -> bytes:
    """Put another header before the same data."""
    odd: tuple[str, ...] = (
        "k5.local.",
        "k0.local.",
        "K4.local.",
        "k4.LOCAL.",
        "k4.local",
        "v4.local.",
        "k4.local-wrap.x.",
        "k4..",
        "",
    )
    odd += ("k4.local-wrap.", "k4.secret-wrap.pie", "k4.seal.", "-----BEGIN ", "k44.local.", "k4.local-pw.pie.")
    return (chance.pick(odd) + b64u(it.data)).encode()


def seeds() -> list[bytes]:
    """Good texts, and those of the vectors, which are under other keys."""
    return [*good(), *vectors.texts("paserk", "k1.", "k2.", "k3.", "k4.")]


TARGET = Target(
    name="paserk",
    reads="PASERK, every type of k1 to k4",
    concerns=(
        "paseto/paserk.py",
        "paseto/paserk_text.py",
        "paseto/paserk_protection.py",
        "paseto/paserk_password.py",
        "paseto/paserk_seal.py",
        "paseto/paserk_rsa_kem.py",
        "paseto/paserk_suite.py",
        "paseto/paserk_wrap.py",
        "paseto/keys.py",
        "paseto/key_material.py",
        "rsa_rules.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
