"""JWS in JSON serialization: ``jws.verify_json`` against a judge that checks every signature itself.

An input is JSON text. It is verified as text and as a dict, asking for any or for all signatures, and with or without
leave for an unprotected ``alg``; the payload and the list of signatures that held must be those of the judge.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache, partial
from itertools import product
from typing import Any, Literal
from zlib import crc32

from daypass.jose import jws
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, SIGNATURES_MAX
from fuzz import headers, signing, vectors
from fuzz.chance import Chance
from fuzz.judge import Refuse, Undecided, agree, as_text, attempt, demand, furthest, json_object, octets, same_json
from fuzz.keys import b64u
from fuzz.target import Target
from fuzz.targets import jws_compact

NAMES = ("payload", "signatures", "protected", "header", "signature", "ciphertext", "x")
OF_ONE = {"protected", "header", "signature"}
Members = dict[str, Any]
Signature = tuple[Members, Members, bool]
"""The protected and the unprotected header of a signature, and whether it holds."""


@cache
def ways() -> tuple[tuple[JWK | JWKSet, str | None], ...]:
    """All keys at once, and one alone; with the algorithm of the one."""
    return ((jws_compact.keys(), None), (jws_compact.key("HS256"), "HS256"))


# ----------------------------------------------------------------------------------------------------- judge


def entries_of(token: Members) -> list[Members]:
    """The signatures of a token, general or flattened. Raises Refuse."""
    if "ciphertext" in token:
        raise Refuse("encrypted")
    if "signatures" not in token:
        return [token]
    entries = token["signatures"]
    if OF_ONE & token.keys() or not isinstance(entries, list) or not 0 < len(entries) <= SIGNATURES_MAX:
        raise Refuse("no list of signatures, or two forms at once")
    if not all(isinstance(entry, dict) for entry in entries):
        raise Refuse("a signature is no object")
    return entries


def text_of(members: Members, name: str) -> str:
    """A member that is a text. Raises Refuse."""
    text = members.get(name)
    if not isinstance(text, str):
        raise Refuse(f"{name} is no text")
    return text


def judge(token: Members, alg: str | None) -> tuple[bytes, list[Signature]]:
    """The payload of a token, and each of its signatures. Raises Refuse or Undecided."""
    found = []
    for entry in entries_of(token):
        signature = octets(text_of(entry, "signature"))
        head = text_of(entry, "protected") if "protected" in entry else ""
        protected = headers.read(head) if "protected" in entry else {}
        free = entry.get("header", {})
        if (
            not isinstance(free, dict)
            or not (free or "header" not in entry)
            or not (protected or "protected" not in entry)
        ):
            raise Refuse("a header is no object, or empty")
        if len(json.dumps(free)) > HEADER_BYTES_MAX // 2:
            raise Undecided
        members = headers.merged(protected, free)
        understood = headers.check(protected, members)
        known = (alg,) if alg else signing.algorithms()
        if not (understood and headers.is_selected(members, known, single=alg is not None)):
            signature = b""
        found.append((head, protected, free, members["alg"], signature))
    encodings = {protected.get("b64", True) for _, protected, *_ in found}
    if len(encodings) != 1:
        raise Refuse("the signatures disagree on b64")
    text = text_of(token, "payload")
    payload = octets(text) if encodings == {True} else text.encode()
    signatures = [
        (protected, free, bool(signature) and signing.holds(named, head.encode() + b"." + text.encode(), signature))
        for head, protected, free, named, signature in found
    ]
    return payload, signatures


def expected(signatures: list[Signature], require: str, *, free_alg: bool) -> list[int]:
    """Which signatures count; none: the token is refused."""
    counted = [at for at, (_, free, holds) in enumerate(signatures) if holds and (free_alg or "alg" not in free)]
    return counted if require == "any" or len(counted) == len(signatures) else []


# ----------------------------------------------------------------------------------------------------- a try


def run(data: bytes) -> str:
    """Verify in every way, and hold each answer against the judge."""
    text = as_text(data)
    token: Members | None = None
    undecided = False
    try:
        token = json_object(text.encode())
    except (Refuse, UnicodeEncodeError):
        pass
    except Undecided:
        undecided = True
    stages = []
    for ring, alg in ways():
        payload, verdict = b"", "judged"
        signatures: list[Signature] = []
        try:
            if token is None:
                raise Undecided if undecided else Refuse("no strict JSON")
            payload, signatures = judge(token, alg)
        except Refuse:
            pass
        except Undecided:
            verdict = "undecided"
        requires: tuple[Literal["any", "all"], ...] = ("any", "all")
        for require, free_alg in product(requires, (False, True)):
            held = expected(signatures, require, free_alg=free_alg)
            for given in (text,) if token is None else (text, token):
                words: dict[str, Any] = {"require": require, "allow_unprotected_alg": free_alg}
                stage, verified = attempt(partial(jws.verify_json, given, ring, **words))
                stages.append(stage)
                if verdict == "undecided":
                    continue
                agree(stage, "accept" if held else "refuse", f"jws.verify_json, {require}, unprotected alg {free_alg}")
                if verified is not None:
                    _compare(verified, payload, signatures, held)
                    if given is token and crc32(data) % 8 == 0:
                        _detached(token, ring, payload, require=require, free_alg=free_alg)
                        _sign_again(verified)
    return furthest(stages)


def _compare(verified: jws.VerifiedJWS, payload: bytes, signatures: list[Signature], held: list[int]) -> None:
    """What is returned is what was signed, and who signed it."""
    demand(verified.payload == payload, "the payload is another than the one that was signed")
    demand([one.index for one in verified.signatures] == held, "the signatures that held are others")
    for one in verified.signatures:
        protected, free, _ = signatures[one.index]
        demand(same_json(one.header, protected) and same_json(one.unprotected, free), "a header is another")
        demand(one.key.alg == {**protected, **free}["alg"], "verified by a key of another algorithm")
    first = verified.signatures[0]
    demand(
        verified.header == first.header and verified.unprotected == first.unprotected, "the headers are not the first's"
    )


def _detached(
    token: Members, ring: JWK | JWKSet, payload: bytes, *, require: Literal["any", "all"], free_alg: bool
) -> None:
    """The payload may travel on its own, and only on one of the two ways."""
    rest = {name: value for name, value in token.items() if name != "payload"}
    words: dict[str, Any] = {"require": require, "allow_unprotected_alg": free_alg, "payload": payload}
    demand(jws.verify_json(rest, ring, **words).payload == payload, "refused once it is detached")
    stage, _ = attempt(lambda: jws.verify_json(token, ring, **words))
    demand(stage != "accepted", "two payloads, and the token is accepted")


def _sign_again(verified: jws.VerifiedJWS) -> None:
    """What is accepted can be issued, and verifies to the same."""
    signers = []
    for one in verified.signatures:
        protected = {name: value for name, value in one.header.items() if name != "kid"}
        signers.append(jws.Signer(one.key, protected, one.unprotected))
    try:
        token = jws.sign_json(verified.payload, signers, flattened=len(signers) == 1)
    except ValueError:
        texts = [str(one.header) + str(one.unprotected) for one in verified.signatures]
        named = any("kid" in one.header | one.unprotected for one in verified.signatures)
        demand(named or max(map(len, texts)) > HEADER_BYTES_MAX // 2, "accepted, and jws.sign_json refuses it")
        return
    again = jws.verify_json(token, jws_compact.keys(), require="all", allow_unprotected_alg=True)
    demand(again.payload == verified.payload, "signed again, the payload is another")


# --------------------------------------------------------------------------------------------------- inputs


def signature_of(alg: str, protected: Members, free: Members, payload: str) -> Members:
    """One signature over a payload, as it stands in the token."""
    head = b64u(json.dumps(protected, separators=(",", ":")).encode()) if protected else ""
    entry: Members = {"protected": head} if protected else {}
    entry |= {"header": free} if free else {}
    return {**entry, "signature": b64u(signing.sign(alg, f"{head}.{payload}".encode("utf-8", "surrogateescape")))}


@cache
def good() -> tuple[bytes, ...]:
    """Good tokens: general and flattened, one signature and several, encoded or not, alg protected or not."""
    body = b64u(b"a payload")
    ours = [signature_of(alg, {"alg": alg}, {"kid": alg}, body) for alg in signing.algorithms()]
    stranger = {**ours[0], "header": {"kid": "another"}}
    free = signature_of("HS256", {}, {"alg": "HS256"}, body)
    critical = {"alg": "HS256", "crit": ["x"], "x": 1}
    raw = {"alg": "HS256", "b64": False, "crit": ["b64"]}
    tokens: list[Members] = [{"payload": body, **entry} for entry in (*ours, free)]
    tokens += [
        {"payload": body, "signatures": those} for those in (ours[:1], ours[:4], [free], [stranger, ours[0], free])
    ]
    tokens += [{"payload": body, "signatures": [signature_of("HS256", critical, {}, body), ours[0]]}]
    tokens += [{"payload": "é. $", **signature_of("HS256", raw, {}, "é. $")}]
    return tuple(json.dumps(token, separators=(",", ":")).encode() for token in tokens)


def seeds() -> list[bytes]:
    """Good tokens, and those of the vectors."""
    return [*good(), *vectors.objects("payload", "signatures"), *vectors.objects("payload", "protected", "signature")]


def mutate(data: bytes, chance: Chance) -> bytes:
    """Change a member at some depth, and sign again what was signed."""
    try:
        token = json_object(data)
    except (Refuse, Undecided):
        return chance.octets(data) if chance.once_in(3) else chance.pick(good())
    kind = chance.random.randrange(12)
    if kind == 0:
        return chance.octets(data)
    if kind == 1:
        return chance.spell(chance.members(token, NAMES))
    entries = token.get("signatures")
    if kind == 2:
        return chance.spell(_other_form(token, chance))
    if kind == 3:
        text = token.get("payload")
        changed = chance.octets(octets(str(text)) if _is_base64url(text) else b"payload")
        token["payload"] = b64u(changed) if chance.once_in(4) is False else chance.text(changed.decode("latin-1"))
        entries = entries if isinstance(entries, list) else [token]
        for entry in entries:
            if isinstance(entry, dict):
                _sign(entry, token.get("payload"), chance)
        return chance.spell(token)
    if isinstance(entries, list) and entries:
        at = chance.random.randrange(len(entries))
        if not isinstance(entries[at], dict):
            entries[at] = json.loads(good()[0])
        if kind == 4:
            del entries[at]
        elif kind == 5:
            entries.insert(at, chance.pick([dict(entries[at]), json.loads(chance.pick(good()))]))
        else:
            _change(entries[at], token.get("payload"), chance)
    else:
        _change(token, token.get("payload"), chance)
    return chance.spell(token)


def _is_base64url(text: object) -> bool:
    try:
        octets(text if isinstance(text, str) else "=")
    except Refuse:
        return False
    return True


def _other_form(token: Members, chance: Chance) -> Members:
    """Turn flattened into general and back; at times both at once."""
    entries = token.get("signatures")
    if isinstance(entries, list):
        first = chance.pick(entries) if entries else {}
        kept = {name: value for name, value in token.items() if name != "signatures" or chance.once_in(4)}
        return {**kept, **(first if isinstance(first, dict) else {"signature": first})}
    moved = {name: token[name] for name in OF_ONE if name in token}
    kept = {name: value for name, value in token.items() if name not in moved or chance.once_in(8)}
    return {**kept, "signatures": [moved] * chance.pick((1, 1, 2, 3, SIGNATURES_MAX, SIGNATURES_MAX + 1))}


def _change(entry: Members, payload: object, chance: Chance) -> None:
    """Change the headers of one signature, or how it is written, and sign it again as a rule."""
    protected: Members = {}
    with suppress(Refuse, Undecided, TypeError):
        protected = json_object(octets(entry.get("protected", "=")))
    free = entry.get("header") if isinstance(entry.get("header"), dict) else {}
    kind = chance.random.randrange(6)
    if kind == 0:
        raw = octets(entry["signature"]) if _is_base64url(entry.get("signature")) else b""
        entry["signature"] = b64u(chance.fixed_size(raw))
        return
    if kind == 1:
        name = chance.pick(NAMES)
        entry[name] = chance.value(entry.get(name))
        return
    if kind == 2 and free:  # one parameter changes sides
        name = chance.pick(tuple(free))
        protected[name] = free[name]
        if not chance.once_in(4):
            del free[name]
    elif kind == 2 and protected:
        name = chance.pick(tuple(protected))
        free = {**(free or {}), name: protected.pop(name)}
    elif kind == 3:
        free = chance.members(free or {}, jws_compact.HEADER_NAMES)
    else:
        protected = chance.members(protected, jws_compact.HEADER_NAMES)
    for name, members in (("protected", protected), ("header", free)):
        if members or chance.once_in(8):
            entry[name] = b64u(chance.spell(members)) if name == "protected" else members
        else:
            entry.pop(name, None)
    _sign(entry, payload, chance)


def _sign(entry: Members, payload: object, chance: Chance) -> None:
    """Sign under the algorithm that the headers name."""
    head = entry.get("protected", "")
    alg: object = None
    try:
        free = entry.get("header")
        alg = (free if isinstance(free, dict) else {}).get("alg")
        alg = json_object(octets(head)).get("alg", alg)
    except (Refuse, Undecided, TypeError):
        pass
    if alg not in signing.algorithms() or chance.once_in(20):
        alg = chance.pick(signing.FAST)
    signed = f"{head}.{payload}".encode("utf-8", "surrogatepass")
    entry["signature"] = b64u(signing.sign(str(alg), signed))


TARGET = Target(
    name="jws-json",
    reads="JWS in JSON serialization",
    concerns=("jose/jws_json.py", "jose/header.py", "jose/key_choice.py", "jose/jwa/signature.py", "encoding.py"),
    seeds=seeds,
    mutate=mutate,
    run=run,
)
