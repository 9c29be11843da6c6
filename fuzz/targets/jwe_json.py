"""JWE in JSON serialization: ``jwe.decrypt_json`` against a judge that decrypts for every recipient itself.

An input is JSON text, flattened or general. It is decrypted as text and as a dict, with everything allowed and with the
defaults: what comes out must be what the judge decrypts for that recipient.
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any
from zlib import crc32

from daypass.jose import jwe
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, RECIPIENTS_MAX
from fuzz import headers, sealing, vectors
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest, json_object, octets, same_json
from fuzz.keys import b64u, derived
from fuzz.sealing import DIRECT, ENCS, PBES2, Sealed
from fuzz.target import Target
from fuzz.targets import jwe_compact
from fuzz.targets.jwe_compact import ALLOW_ALL, HEADER_NAMES, PLAINTEXT, check_header, inflated, key, keys, kid_for

Members = dict[str, Any]
NAMES = (
    "protected",
    "unprotected",
    "header",
    "encrypted_key",
    "recipients",
    "aad",
    "iv",
    "ciphertext",
    "tag",
    "payload",
    "x",
)
OF_ONE = {"header", "encrypted_key"}
SIGNED = {"payload", "signatures", "signature"}
MANY = 4  # with more recipients of costly algorithms the judge leaves it to daypass


# ----------------------------------------------------------------------------------------------------- judge


class Parts:
    """A token, read strictly. Raises Refuse or Undecided."""

    def __init__(self, token: Members) -> None:
        texts = {name: text_of(token, name) for name in ("protected", "iv", "ciphertext", "tag", "aad")}
        if not {"iv", "ciphertext", "tag"} <= token.keys() or ("aad" in token and not texts["aad"]):
            raise Refuse("a part is missing, or empty")
        if SIGNED & token.keys():
            raise Refuse("a signed token")
        self.protected = headers.read(texts["protected"]) if "protected" in token else {}
        if "protected" in token and not self.protected:
            raise Refuse("an empty header")
        self.shared = object_of(token, "unprotected")
        self.aad = octets(texts["aad"])
        authenticated = texts["protected"] + ("." + texts["aad"] if self.aad else "")
        iv, ciphertext, tag = (octets(texts[name]) for name in ("iv", "ciphertext", "tag"))
        self.sealed = Sealed(iv, ciphertext, tag, authenticated.encode())
        self.recipients = [(object_of(one, "header"), octets(text_of(one, "encrypted_key"))) for one in _entries(token)]
        self.merged = [headers.merged(self.protected, self.shared, own) for own, _ in self.recipients]
        if any("zip" in members and "zip" not in self.protected for members in self.merged):
            raise Refuse("zip is not protected")
        for members in self.merged:
            headers.check(self.protected, members)
            if not isinstance(members.get("enc"), str):
                raise Refuse("no enc")
        if len({members["enc"] for members in self.merged}) != 1:
            raise Refuse("several enc")
        if len(self.merged) > 1 and any(members["alg"] in DIRECT for members in self.merged):
            raise Refuse("one of several recipients whose key is the CEK, or an agreement of it")


def _entries(token: Members) -> list[Members]:
    if "recipients" not in token:
        return [token]
    entries = token["recipients"]
    if OF_ONE & token.keys() or not isinstance(entries, list) or not 0 < len(entries) <= RECIPIENTS_MAX:
        raise Refuse("no list of recipients, or two forms at once")
    if not all(isinstance(entry, dict) for entry in entries):
        raise Refuse("a recipient is no object")
    return entries


def text_of(members: Members, name: str) -> str:
    """A member that is a text, empty where it is absent. Raises Refuse."""
    text = members.get(name, "")
    if not isinstance(text, str):
        raise Refuse(f"{name} is no text")
    return text


def object_of(members: Members, name: str) -> Members:
    """A member that is an object, empty where it is absent. Raises Refuse."""
    found = members.get(name, {})
    if not isinstance(found, dict):
        raise Refuse(f"{name} is no object")
    if len(json.dumps(found)) > HEADER_BYTES_MAX // 2:
        raise Undecided
    return found


def plaintext_for(parts: Parts, index: int, single: str | None, *, everything: bool) -> bytes:
    """What one recipient decrypts. Raises Refuse or Undecided."""
    members, encrypted_key = parts.merged[index], parts.recipients[index][1]
    check_header(parts.protected, members, everything=everything)
    cek = sealing.take_key(kid_for(members, single), members["enc"], members, encrypted_key)
    plaintext = sealing.open_content(members["enc"], cek, parts.sealed)
    return inflated(plaintext) if "zip" in members else plaintext


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Decrypt in every way, and hold each answer against the judge."""
    text = as_text(data)
    token: Members | None = None
    parts: Parts | None = None
    undecided = False
    try:
        token = json_object(text.encode())
        parts = Parts(token)
    except (Refuse, UnicodeEncodeError):
        pass
    except Undecided:
        undecided = True
    stages = []
    ways: tuple[tuple[JWK | JWKSet, str | None, bool], ...] = (
        (keys(), None, True),
        (keys(), None, False),
        (key("A128KW"), "A128KW", True),
    )
    for ring, single, everything in ways:
        words: dict[str, Any] = ALLOW_ALL if everything else {}
        found, unsure = _all_plaintexts(parts, single, everything=everything) if parts else ({}, undecided)
        for given in (text,) if token is None else (text, token):
            stage, decrypted = attempt(partial(jwe.decrypt_json, given, ring, **words))
            stages.append(stage)
            if not unsure:
                agree(stage, "accept" if found else "refuse", "jwe.decrypt_json")
            if decrypted is not None and parts is not None:
                if decrypted.recipient in found:
                    _compare(decrypted, parts, found[decrypted.recipient])
                else:
                    demand(unsure, "decrypted for a recipient for whom the judge cannot decrypt")
                if given is token and crc32(data) % 8 == 0 and len(parts.recipients) == 1:
                    _encrypt_again(decrypted, parts)
    return furthest(stages)


def _all_plaintexts(parts: Parts, single: str | None, *, everything: bool) -> tuple[dict[int, bytes], bool]:
    """What every recipient decrypts, and whether the judge leaves something open."""
    found: dict[int, bytes] = {}
    unsure = False
    for index in range(len(parts.recipients)):
        costly = parts.merged[index].get("alg") in PBES2 and len(parts.recipients) > MANY
        try:
            if costly:
                raise Undecided
            found[index] = plaintext_for(parts, index, single, everything=everything)
        except Refuse:
            continue
        except Undecided:
            unsure = True
    # Where some recipients name our kid, the others are not tried: who wrote the token knew us by name.
    return found, unsure or (len(parts.recipients) > 1 and len({"kid" in members for members in parts.merged}) > 1)


def _compare(decrypted: jwe.DecryptedJWE, parts: Parts, plaintext: bytes) -> None:
    """What is returned is what was encrypted, with its headers."""
    own = parts.recipients[decrypted.recipient][0]
    demand(decrypted.plaintext == plaintext, "the plaintext is another than the one that was encrypted")
    demand(same_json(decrypted.header, parts.protected), "the protected header is another")
    demand(same_json(decrypted.unprotected, {**parts.shared, **own}), "the unprotected header is another")
    demand(decrypted.aad == parts.aad, "the additional data is other than what was authenticated")


def _encrypt_again(decrypted: jwe.DecryptedJWE, parts: Parts) -> None:
    """What is accepted can be issued, and decrypts to the same."""
    members = parts.merged[0]
    extra: Members = {name: parts.protected[name] for name in ("zip", "typ", "x") if name in parts.protected}
    recipient = jwe.Recipient(decrypted.key, header={"p2c": 1000} if members["alg"] in PBES2 else None)
    if len(str(extra)) < 5000:
        token = jwe.encrypt_json(
            decrypted.plaintext, recipient, enc=members["enc"], aad=decrypted.aad or None, header=extra, flattened=True
        )
        again = jwe.decrypt_json(token, decrypted.key, **ALLOW_ALL)
        demand((again.plaintext, again.aad) == (decrypted.plaintext, decrypted.aad), "encrypted again, it is another")


# --------------------------------------------------------------------------------------------------- inputs


def token_of(protected: Members, shared: Members, owns: list[tuple[str, Members]], aad: bytes = b"") -> Members:
    """A token for fixed keys, each with a header of its own; general unless there is one that needs none."""
    enc = {**protected, **shared}.get("enc", "A256GCM")
    enc = enc if isinstance(enc, str) and enc in ENCS else "A256GCM"
    recipients, cek = [], derived(enc, ENCS[enc])
    for kid, own in owns:
        handed = sealing.hand_over(kid, enc, {**protected, **shared, **own})
        cek = handed.cek
        key_member: Members = {"encrypted_key": b64u(handed.encrypted_key)} if handed.encrypted_key else {}
        more = {name: value for name, value in handed.members.items() if name not in {**protected, **shared}}
        header = {**own, **more}
        recipients.append({**({"header": header} if header else {}), **key_member})
    token: Members = {"recipients": recipients}
    seal(token, protected, aad, cek, PLAINTEXT)
    return {**token, "unprotected": shared} if shared else token


def seal(token: Members, protected: Members | bytes, aad: bytes, cek: bytes, plaintext: bytes) -> None:
    """Encrypt the content under what is protected; the members of the token change."""
    raw = protected if isinstance(protected, bytes) else json.dumps(protected, separators=(",", ":")).encode()
    members = json_object(raw) if not isinstance(protected, dict) else protected
    token.pop("protected", None)
    if members:
        token["protected"] = b64u(raw)
    token.pop("aad", None)
    if aad:
        token["aad"] = b64u(aad)
    authenticated = token.get("protected", "") + ("." + token["aad"] if aad else "")
    content = jwe_compact.packed(plaintext) if "zip" in members else plaintext
    enc = next((name for name, length in ENCS.items() if name == members.get("enc") and length == len(cek)), None)
    enc = enc or next(name for name, length in ENCS.items() if length == len(cek))
    for name, value in zip(
        ("iv", "ciphertext", "tag"), sealing.seal_content(enc, cek, content, authenticated.encode()), strict=True
    ):
        token[name] = b64u(value)


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens: flattened and general, one recipient and several, headers in all three places, with more data."""

    def named(kid: str) -> Members:
        return {"alg": sealing.alg_of(kid), "kid": kid}

    several = ("A128KW", "RSA-OAEP-256", "ECDH-ES+A128KW", "A256GCMKW", "PBES2-HS256+A128KW")
    tokens = [token_of({"enc": "A256GCM"}, {}, [(kid, named(kid))]) for kid in sealing.KIDS if kid not in ENCS]
    tokens += [token_of({"enc": "A128CBC-HS256"}, {}, [(kid, named(kid)) for kid in several], b"more data")]
    tokens += [token_of({"enc": "A128GCM", "zip": "DEF"}, {"typ": "x"}, [(kid, named(kid)) for kid in several[:2]])]
    tokens += [token_of({}, {"enc": "A256GCM", "alg": "A128KW"}, [("A128KW", {"kid": "A128KW"})])]
    tokens += [token_of({"enc": "A256GCM", "alg": "dir"}, {}, [("dir", {"kid": "dir"})], b"aad")]
    stranger = {
        **tokens[1],
        "recipients": [{"header": {"alg": "A128KW", "kid": "who"}, "encrypted_key": b64u(bytes(40))}],
    }
    flattened = [{**token, **token["recipients"][0]} for token in tokens if len(token["recipients"]) == 1]
    for one in flattened:
        del one["recipients"]
    return tuple(json.dumps(token, separators=(",", ":")).encode() for token in (*tokens, *flattened, stranger))


def seeds() -> list[bytes]:
    """Good tokens, and those of the vectors."""
    return [*good(), *vectors.objects("ciphertext", "iv", "tag")]


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a member at some depth, and encrypt again what was encrypted."""
    try:
        token = json_object(data)
    except (Refuse, Undecided):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kind = chance.random.randrange(14)
    if kind == 0:
        return chance.octets(data)
    if kind == 1:
        return chance.spell(chance.members(token, NAMES))
    if kind == 2:
        return chance.spell(_other_form(token, chance))
    if kind in (3, 4):
        name = chance.pick(("iv", "ciphertext", "tag", "aad", "encrypted_key", "protected"))
        try:
            token[name] = b64u(chance.fixed_size(octets(token.get(name, ""))))
        except (Refuse, TypeError):
            token[name] = chance.value(token.get(name))
        return chance.spell(token)
    entries = token.get("recipients")
    if kind in (5, 6) and isinstance(entries, list) and entries:
        return chance.spell({**token, "recipients": _other_recipients(entries, chance)})
    return chance.spell(_sealed_again(token, chance))


def _other_form(token: Members, chance: Chance) -> Members:
    """Turn flattened into general and back; at times both at once."""
    entries = token.get("recipients")
    if isinstance(entries, list):
        first = chance.pick(entries) if entries else {}
        kept = {name: value for name, value in token.items() if name != "recipients" or chance.once_in(4)}
        return {**kept, **(first if isinstance(first, dict) else {"header": first})}
    moved = {name: token[name] for name in OF_ONE if name in token}
    kept = {name: value for name, value in token.items() if name not in moved or chance.once_in(8)}
    return {**kept, "recipients": [moved] * chance.pick((1, 1, 2, 3, RECIPIENTS_MAX, RECIPIENTS_MAX + 1))}


def _other_recipients(entries: list[Any], chance: Chance) -> list[Any]:
    changed = list(entries)
    at = chance.random.randrange(len(changed))
    kind = chance.random.randrange(4)
    if kind == 0:
        del changed[at]
    elif kind == 1:
        changed.insert(at, chance.pick(changed))
    elif kind == 2 and isinstance(changed[at], dict):
        changed[at] = chance.members(changed[at], ("header", "encrypted_key", "protected", "x"))
    else:
        chance.random.shuffle(changed)
    return changed


def _sealed_again(token: Members, chance: Chance) -> Members:
    """Change one of the headers, or move a parameter between them, and encrypt for one recipient again."""
    try:
        protected = json_object(octets(token.get("protected", "")))
    except (Refuse, Undecided, TypeError):
        protected = {"enc": "A256GCM"}
    shared = token.get("unprotected") if isinstance(token.get("unprotected"), dict) else {}
    entries = token.get("recipients")
    first = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else token
    own = first.get("header") if isinstance(first.get("header"), dict) else {}
    places: list[Members] = [protected, dict(shared or {}), dict(own or {})]
    at = chance.random.randrange(3)
    if chance.once_in(3):
        source = chance.random.randrange(3)
        if places[source]:
            name = chance.pick(tuple(places[source]))
            places[at] = {**places[at], name: places[source][name]}
            if source != at and not chance.once_in(4):
                places[source] = {one: value for one, value in places[source].items() if one != name}
    else:
        places[at] = (
            jwe_compact.likely(places[at], chance) if chance.once_in(2) else chance.members(places[at], HEADER_NAMES)
        )
    every = {**places[0], **places[1], **places[2]}
    named = every.get("kid", every.get("alg"))
    kid = next((one for one in sealing.KIDS if one == named), "A128KW")
    aad = chance.pick((b"", b"", b"more data"))
    again = token_of(places[0], places[1], [(kid, places[2])], aad)
    if not chance.once_in(3):
        again |= again.pop("recipients")[0]
    return again


TARGET = Target(
    name="jwe-json",
    reads="JWE in JSON serialization",
    concerns=(
        "jose/jwe_json.py",
        "jose/jwe_header.py",
        "jose/jwe_message.py",
        "jose/jwe_sender.py",
        "jose/jwa/key_management.py",
        "jose/jwa/content_encryption.py",
    ),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
