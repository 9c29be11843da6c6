"""ATTACKS A, B and C where they meet encryption: spelling, shape, size. Nothing of it reaches a primitive."""

import json
from contextlib import suppress
from typing import Any

import pytest

from daypass import jwe, jws, jwt
from daypass.errors import (
    DecryptionFailed,
    InvalidSignature,
    MalformedToken,
    TokenError,
    TokenTooLarge,
    UnknownKey,
    UnsupportedToken,
)
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.limits import HEADER_BYTES_MAX, KID_BYTES_MAX, RECIPIENTS_MAX, TOKEN_BYTES_MAX
from tests.encryption import EVERYTHING
from tests.security import forge
from tests.security.forge import b64u, octets, outcome, unb64u
from tests.security.forge_jwe import (
    agreed,
    agreement,
    compact,
    curve_key,
    direct,
    epk_of,
    flat,
    flattened,
    general,
    pbes2,
    receiver,
    recipient,
    refused,
    segments,
    text_of,
    with_segment,
    wrapped,
)
from tests.security.primitives import allocating_at_most

KEYS = [receiver("dir"), receiver("A256KW")]


def json_refused(bad: Any, error: type[TokenError], keys: Any = None) -> None:
    """Hold that a dict, and its text where it has one, is refused with exactly this class by every kind of key."""
    texts = [bad]
    if isinstance(bad, dict):
        with suppress(TypeError, ValueError, RecursionError):
            texts += [json.dumps(bad), json.dumps(bad, indent=1)]
    for it in texts:
        for key in keys or KEYS:
            assert outcome(lambda it=it, k=key: jwe.decrypt_json(it, k, **EVERYTHING)) is error


# -------------------------------------------------------------------------------------------------- A: keys, names


@pytest.mark.parametrize("kid", ["../../dev/null", "' UNION SELECT", "|id", "\0", "\u202e", "k" * KID_BYTES_MAX])
def test_A13_a_kid_is_looked_up_and_nothing_else(kid: str, calls: list[str]) -> None:
    token = wrapped({"kid": kid})
    with pytest.raises(UnknownKey) as raised:
        jwe.decrypt(token, JWKSet([receiver("A256KW"), receiver("A256GCMKW")][:1]))
    assert kid not in str(raised.value)
    assert calls == []


@pytest.mark.parametrize("kid", [None, 5, True, ["k"], {"k": 1}, "k" * (KID_BYTES_MAX + 1), "\u00e9" * KID_BYTES_MAX])
def test_A13_a_kid_is_a_short_text(kid: Any, calls: list[str]) -> None:
    refused(wrapped({"kid": kid}), MalformedToken, receiver("A256KW"))
    json_refused(general(recipient({"alg": "A256KW", "kid": kid})), MalformedToken)
    assert calls == []


def test_A11_keys_in_a_header_are_no_keys() -> None:
    """CVE-2018-0114, CVE-2026-27962: what a token brings along is data."""
    secret = {"kty": "oct", "k": b64u(bytes(32)), "alg": "dir"}
    for members in (
        {"jwk": secret},
        {"jku": "https://evil.example/keys"},
        {"x5c": ["AAAA"]},
        {"x5u": "file:///etc/passwd"},
    ):
        refused(direct(members, cek=bytes(32)), DecryptionFailed, receiver("dir"))
        assert jwe.decrypt(direct(members), receiver("dir")).header.items() >= members.items()


# --------------------------------------------------------------------------------------------------- B: spelling


def misspelt(text: str) -> list[str]:
    found = [
        text + "=",
        text + "==",
        text + "\n",
        " " + text,
        text + "\0",
        text[:2] + " " + text[2:],
        text[:2] + "!" + text[3:],
    ]
    found += [text[:3] + "+" + text[4:], text[:3] + "/" + text[4:], text[:-1] + "\u00e9", "\ufeff" + text, text + "\\n"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(text) % 4:  # stray bits
        found.append(text[:-1] + alphabet[alphabet.index(text[-1]) + 1])
    else:
        found += [text + "A"]
    return found


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("enc", ["A256GCM", "A128CBC-HS256"])
def test_B04_every_segment_has_one_spelling(index: int, enc: str, calls: list[str]) -> None:
    good = wrapped({"enc": enc}, b"twenty octets of it.")
    for text in misspelt(segments(good)[index]):
        refused(with_segment(good, index, text), MalformedToken, receiver("A256KW"))
    assert calls == []


@pytest.mark.parametrize("index", [0, 2, 3, 4])
def test_B04_on_the_straight_road_too(index: int) -> None:
    for plaintext in (b"", b"1", b"12", b"123"):
        good, key = direct({}, plaintext), receiver("dir")
        assert jwe.decrypt(good, key).plaintext == jwe.decrypt(good, key).plaintext == plaintext
        if segments(good)[index]:
            for text in misspelt(segments(good)[index]):
                refused(with_segment(good, index, text), MalformedToken, key, good)
                assert outcome(jwe.decrypt, with_segment(good, index, text), key) is MalformedToken


@pytest.mark.parametrize("name", ["protected", "encrypted_key", "iv", "ciphertext", "tag", "aad"])
def test_B04_every_text_in_json_has_one_spelling(name: str, calls: list[str]) -> None:
    good = {**flat(wrapped({}, b"twenty octets of it.")), "aad": b64u(b"clear")}
    for text in misspelt(good[name]):
        json_refused({**good, name: text}, MalformedToken)
    part = {name: good.pop(name) for name in ("encrypted_key",)}
    for text in misspelt(part["encrypted_key"]):
        for parts in ([{"encrypted_key": text}], [part, {"encrypted_key": text}], [{"encrypted_key": text}, part]):
            json_refused({**good, "recipients": parts}, MalformedToken)
    assert calls == []


@pytest.mark.parametrize("name", ["p2s", "iv", "tag", "apu", "apv"])
def test_B04_so_has_every_parameter(name: str, calls: list[str]) -> None:
    value = b64u(bytes(range(16 if name != "iv" else 12)))
    for text in (*misspelt(value), None, 5, True, [value], {value: 1}):
        if name == "p2s":
            refused(pbes2({name: text}), MalformedToken, receiver("PBES2-HS256+A128KW"))
        elif name in ("iv", "tag"):
            header = {"alg": "A256GCMKW", "enc": "A256GCM", "iv": b64u(bytes(12)), "tag": b64u(bytes(16)), name: text}
            refused(compact(header, cek=bytes(32), ek=bytes(32)), MalformedToken, receiver("A256GCMKW"))
        else:
            refused(agreed("P-256", None, header={name: text}), MalformedToken, agreement("P-256"))
    assert calls == []


@pytest.mark.parametrize("name", ["x", "y"])
def test_B04_so_have_the_members_of_an_ephemeral_key(name: str) -> None:
    """Which is no reason for an error of its own: E07."""
    good = epk_of(curve_key("P-256"))
    for text in misspelt(good[name]):
        refused(agreed("P-256", {**good, name: text}), DecryptionFailed, agreement("P-256"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 100, 500_000])
def test_B05_a_token_has_four_dots(count: int, calls: list[str]) -> None:
    head = segments(direct())[0]
    for text in ("." * count, head + "." * count, "a." * count, "." * count + head):
        for key in KEYS:
            assert outcome(jwe.decrypt, text, key) is MalformedToken
            assert outcome(lambda t=text, k=key: jwt.decrypt(t, k, bytes_max=10**6)) is MalformedToken
    assert calls == []


# ---------------------------------------------------------------------------------------------------- C: parsing

HEADERS = {
    "C01 twice": b'{"alg":"dir","alg":"dir","enc":"A256GCM"}',
    "C01 twice by escape": b'{"alg":"dir","enc":"A256GCM","\\u0065nc":"A256GCM"}',
    "C01 twice below": b'{"alg":"dir","enc":"A256GCM","epk":{"kty":"EC","kty":"EC"}}',
    "C02 open": b"[" * 6000,
    "C03 NaN": b'{"alg":"dir","enc":"A256GCM","p2c":NaN}',
    "C03 Infinity": b'{"alg":"dir","enc":"A256GCM","p2c":1e400}',
    "C03 digits": b'{"alg":"dir","enc":"A256GCM","p2c":' + b"9" * 6000 + b"}",
    "C04 latin-1": b'{"alg":"dir","enc":"A256GCM","x":"\xe9"}',
    "C04 UTF-16": '{"alg":"dir","enc":"A256GCM"}'.encode("utf-16"),
    "C04 UTF-32": '{"alg":"dir","enc":"A256GCM"}'.encode("utf-32"),
    "C04 mark": b'\xef\xbb\xbf{"alg":"dir","enc":"A256GCM"}',
    "C04 surrogate": b'{"alg":"dir","enc":"A256GCM","x":"\\ud800"}',
    "C04 overlong": b'{"alg":"dir","enc":"A256GCM","x":"\xc0\xaf"}',
    "C05 list": b'["dir","A256GCM"]',
    "C05 text": b'"dir"',
    "C05 number": b"5",
    "C05 null": b"null",
    "C05 nothing": b"",
    "C05 two": b'{"alg":"dir","enc":"A256GCM"}{}',
    "C05 comma": b'{"alg":"dir","enc":"A256GCM",}',
    "C06 long": b'{"alg":"dir","enc":"A256GCM","x":"' + b"y" * 10_000 + b'"}',
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_C01_to_C06_a_header_is_one_strict_short_object(header: bytes, calls: list[str]) -> None:
    refused(compact(header), MalformedToken, receiver("dir"))
    for bad in (flattened(b64u(header)), {**general(recipient()), "protected": b64u(header)}):
        json_refused(bad, MalformedToken)
    assert calls == []


@pytest.mark.parametrize("opening, closing", [(b"[", b"]"), (b'{"":', b"}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [500, 900, 1100])
def test_C02_a_deep_header_is_refused_or_taken_as_the_python_can(depth: int, opening: bytes, closing: bytes) -> None:
    """How deep its stack may go differs by version; a RecursionError leaves under none."""
    header = b'{"alg":"dir","enc":"A256GCM","x":' + opening * depth + b"1" + closing * depth + b"}"
    token, key = compact(header), receiver("dir")
    for _ in range(2):
        for it, decrypt in (
            (token, jwe.decrypt),
            (flat(token), jwe.decrypt_json),
            (text_of(flat(token)), jwe.decrypt_json),
        ):
            assert outcome(decrypt, it, key) in (MalformedToken, "accepted")
        assert outcome(jwt.decrypt, token, key) is MalformedToken  # its claims are none


@pytest.mark.parametrize("place", ["unprotected", "header", "recipient"])
def test_C01_to_C06_so_is_one_that_is_not_protected(place: str, calls: list[str]) -> None:
    for name, header in HEADERS.items():
        if name in (
            "C04 UTF-16",
            "C04 UTF-32",
            "C04 latin-1",
            "C04 mark",
            "C04 overlong",
            "C05 nothing",
            "C05 comma",
            "C05 two",
        ):
            continue  # a text as a whole: below
        if place == "recipient":
            text = json.dumps(general(recipient(), recipient("HERE"), protected=...)).replace('"HERE"', header.decode())
        else:
            text = json.dumps(flattened(..., **{place: "HERE"})).replace('"HERE"', header.decode())
        json_refused(text, MalformedToken)
    assert calls == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda it: it.replace('"iv"', '"tag":"","iv"', 1), id="C01"),
        pytest.param(lambda it: it.replace('"iv"', '"more":' + "[" * 100_000 + ',"iv"', 1), id="C02 open"),
        pytest.param(lambda it: it.replace('"iv"', '"more":' + "[" * 50_000 + "]" * 50_000 + ',"iv"', 1), id="C02"),
        pytest.param(lambda it: "[" * 100_000, id="C02 alone"),
        pytest.param(lambda it: '{"a":' * 100_000, id="C02 objects"),
        pytest.param(lambda it: it.replace('"iv"', '"more":NaN,"iv"', 1), id="C03"),
        pytest.param(lambda it: "\ufeff" + it, id="C04 mark"),
        pytest.param(lambda it: it.replace('"iv"', '"\ud800":1,"iv"', 1), id="C04 surrogate"),
        pytest.param(lambda it: it + it, id="C05 two"),
        pytest.param(lambda it: f"[{it}]", id="C05 list"),
        pytest.param(lambda it: it[:-1] + ",}", id="C05 comma"),
        pytest.param(lambda it: "Bearer " + it, id="C12"),
    ],
)
def test_C01_to_C05_a_text_is_one_strict_object(text: Any, calls: list[str]) -> None:
    json_refused(text(json.dumps(flattened())), MalformedToken)
    assert calls == []


@pytest.mark.parametrize("crit", [[], ["alg"], ["x", "x"], [5], "x", {"x": 1}, None, ["epk"], ["zip"], ["gone"]])
def test_C07_crit_is_well_formed(crit: Any, calls: list[str]) -> None:
    header = {"alg": "dir", "enc": "A256GCM", "crit": crit, "x": 1}
    refused(compact(header), MalformedToken, receiver("dir"))
    json_refused(general(recipient(), protected={"enc": "A256GCM", "crit": crit, "x": 1}), MalformedToken)
    assert calls == []


def test_C07_what_is_critical_is_not_understood_here(calls: list[str]) -> None:
    """C08: b64 is for signed tokens, and is no reason to decode anything differently."""
    for extra in (
        {"crit": ["x"], "x": 1},
        {"crit": ["exp"], "exp": 5},
        {"b64": False, "crit": ["b64"]},
        {"b64": True, "crit": ["b64"]},
    ):
        refused(direct(extra), UnsupportedToken, receiver("dir"))
    for extra in ({"b64": False}, {"b64": "false", "crit": ["b64"]}):
        refused(direct(extra), MalformedToken, receiver("dir"))
    for bad in ({"crit": ["x"], "x": 1}, {"b64": False}, {"crit": []}):
        json_refused(flattened(unprotected=bad), MalformedToken)
        json_refused(flattened(header=bad), MalformedToken)
        json_refused(general(recipient(), recipient({"alg": "A256KW", **bad})), MalformedToken)
    assert calls == []


# ----------------------------------------------------------------------------------------- C10: several recipients


def test_C10_flattened_and_general_together(calls: list[str]) -> None:
    for more in (
        {"header": {"alg": "A256KW"}},
        {"encrypted_key": "AAAA"},
        {"header": {}},
        {"encrypted_key": ""},
        {"header": None},
    ):
        json_refused({**general(recipient()), **more}, MalformedToken)
    assert calls == []


@pytest.mark.parametrize("bad", [[], {}, None, "", 5, [None], [[]], ["A256KW"], [5], {"0": {}}, [[{}]]])
def test_C10_recipients_are_a_list_of_objects(bad: Any, calls: list[str]) -> None:
    json_refused({**general(), "recipients": bad}, MalformedToken)
    if isinstance(bad, list) and bad:
        json_refused({**general(), "recipients": [recipient(), *bad]}, MalformedToken)
    assert calls == []


@pytest.mark.parametrize("alg", ["dir", "ECDH-ES"])
def test_C10_who_brings_the_cek_is_alone(alg: str, calls: list[str]) -> None:
    """joserfc and jwcrypto take two."""
    epk = epk_of(curve_key("P-256"))
    own = {"alg": alg, **({"epk": epk} if alg == "ECDH-ES" else {})}
    keys = [*KEYS, agreement("P-256")]
    for parts in (
        [{"header": own}, {"header": own}],
        [{"header": own}, recipient()],
        [recipient(), {"header": own}],
        [recipient(), recipient(), {"header": {**own, "kid": "other"}}],
    ):
        json_refused(general(*parts), MalformedToken, keys)
    json_refused(general({}, {}, protected={**own, "enc": "A256GCM"}), MalformedToken, keys)
    json_refused(general({}, {}, shared=own), MalformedToken, keys)
    assert calls == []


def test_C10_all_recipients_agree_on_enc(calls: list[str]) -> None:
    for parts in (
        [recipient({"alg": "A256KW", "enc": "A256GCM"}), recipient({"alg": "A256KW", "enc": "A128GCM"})],
        [recipient({"alg": "A256KW", "enc": "A256GCM"}), recipient({"alg": "A256KW"})],
    ):
        json_refused(general(*parts, protected={"typ": "x"}), MalformedToken)
    assert calls == []
    good = general(*[recipient({"alg": "A256KW", "enc": "A256GCM"})] * 2, protected={"typ": "x"})
    assert jwe.decrypt_json(good, receiver("A256KW")).plaintext == b"x"


def test_C10_a_bad_recipient_beside_a_good_one() -> None:
    """What is malformed refuses the token; what is for somebody else does not."""
    for bad in ({"alg": 5}, {"alg": "A256KW", "crit": ["x"], "x": 1}, {"alg": "A256KW", "kid": 5}, {"kid": "k"}):
        json_refused(general(recipient(), recipient(bad)), MalformedToken)
        json_refused(general(recipient(bad), recipient()), MalformedToken)
    others = [
        {"alg": "none"},
        {"alg": "RSA-OAEP"},
        {"alg": "PBES2-HS256+A128KW"},
        {"alg": "A256GCMKW", "iv": 5},
        {"alg": "x" * 500},
    ]
    for it in others:
        for parts in ([recipient(it), recipient()], [recipient(), recipient(it)], [recipient(it)] * 40 + [recipient()]):
            opened = jwe.decrypt_json(general(*parts), receiver("A256KW"), **EVERYTHING)
            assert (opened.plaintext, opened.recipient) == (b"x", parts.index(recipient()))


@pytest.mark.parametrize("count", [RECIPIENTS_MAX + 1, 1000, 5000])
def test_C06_too_many_recipients(count: int, calls: list[str]) -> None:
    json_refused({**general(), "recipients": [{}] * count}, TokenTooLarge)
    json_refused({**general(), "recipients": [{"header": {"alg": "A256KW"}}] * count}, TokenTooLarge)
    assert calls == []


@pytest.mark.parametrize("depth", [400, 600, 900, 990])
def test_C02_why_a_deep_header_is_none_is_not_looked_for(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search for the offender takes the square of the depth: a tenth of a second for 2 kB."""
    from daypass.jose import json_serialization

    monkeypatch.setattr(json_serialization, "refuse_json", lambda _: pytest.fail("looked for"))
    header, deep = {"x": "HERE"}, "[" * depth + "]" * depth
    for token in (
        flattened(unprotected=header),
        flattened(header=header),
        general(recipient({"alg": "A256KW", **header})),
    ):
        key, text = receiver("A256KW" if "recipients" in token else "dir"), json.dumps(token).replace('"HERE"', deep)
        assert outcome(jwe.decrypt_json, text, key) in (MalformedToken, "accepted")
    signed = {"payload": "eA", "header": header, "protected": b64u(b'{"alg":"HS256"}'), "signature": ""}
    text = json.dumps(signed).replace('"HERE"', deep)
    assert outcome(jws.verify_json, text, forge.jwk("HS256")) in (MalformedToken, InvalidSignature)


def test_C06_what_a_token_of_many_recipients_costs(calls: list[str]) -> None:
    """Each is tried, once; and where one names our key, that one alone."""
    good = recipient({"alg": "A256KW", "kid": "k"})
    others = [{**recipient(), "encrypted_key": b64u(bytes(40))} for _ in range(RECIPIENTS_MAX)]
    assert (
        outcome(jwe.decrypt_json, general(*others), JWK.from_dict(receiver("A256KW").to_dict(private=True)))
        is DecryptionFailed
    )
    assert calls == ["random", "receive A256KW", "open A256GCM"] * RECIPIENTS_MAX
    calls.clear()
    assert (
        jwe.decrypt_json(general(*others[1:], good), JWK.from_dict(receiver("A256KW").to_dict(private=True))).recipient
        == 63
    )
    assert calls == ["random", "receive A256KW", "open A256GCM"]


# ------------------------------------------------------------------------------------------------------ C06: size

DOTS = "." * 2_000_000
LONG = "A" * 30_000_000


@pytest.mark.parametrize("key", KEYS, ids=["dir", "A256KW"])
def test_C06_a_long_token_is_not_looked_at(key: JWK, calls: list[str]) -> None:
    head = segments(direct())[0]
    jwe.decrypt(direct() if key.alg == "dir" else wrapped(), key)
    calls.clear()
    for text in (DOTS, LONG, f"{head}..{LONG}.", f"{head}.{DOTS}", "\u00e9" * 2_000_000, "\ud800" * 2_000_000):
        with allocating_at_most(20_000):
            assert outcome(jwe.decrypt, text, key) is TokenTooLarge
            assert outcome(jwt.decrypt, text, key) is TokenTooLarge
            assert outcome(jwe.decrypt_json, text, key) is TokenTooLarge
    one_more = f"{head}..{'A' * 16}.{'A' * (TOKEN_BYTES_MAX - len(head) - 41)}.{'A' * 22}"
    assert len(one_more) == TOKEN_BYTES_MAX + 1
    assert outcome(jwe.decrypt, one_more, key) is TokenTooLarge
    assert outcome(jwe.decrypt, one_more.replace("AAAA", "", 1), key) in (DecryptionFailed, UnsupportedToken)


def test_C06_nor_is_one_in_json(calls: list[str]) -> None:
    text = json.dumps({**flattened(), "ciphertext": "HERE"}).replace("HERE", "A" * 2_000_000)
    wide = json.dumps({"more": "\u6c34" * (TOKEN_BYTES_MAX // 2)}, ensure_ascii=False)
    assert len(wide) < TOKEN_BYTES_MAX < len(wide.encode())
    for bad in (text, "{" + LONG, wide):
        with allocating_at_most(20_000 + (len(wide.encode()) + 100 if bad is wide else 0)):
            assert outcome(jwe.decrypt_json, bad, KEYS[0]) is TokenTooLarge
    assert calls == []


@pytest.mark.parametrize("name", ["protected", "encrypted_key", "iv", "ciphertext", "tag", "aad"])
def test_C06_nor_is_a_long_text_in_a_dict(name: str, calls: list[str]) -> None:
    for text in (LONG, "A" * (TOKEN_BYTES_MAX + 1), "\u00e9" * 2_000_000):
        token = {**flat(wrapped()), name: text}
        several = (
            general(recipient(), {"encrypted_key": text})
            if name == "encrypted_key"
            else {**general(recipient()), name: text}
        )
        with allocating_at_most(20_000):
            assert outcome(jwe.decrypt_json, token, KEYS[1]) is TokenTooLarge
            assert outcome(jwe.decrypt_json, several, KEYS[1]) is TokenTooLarge
    half = "A" * (TOKEN_BYTES_MAX // 2)
    for parts in ([{"encrypted_key": half}] * 3, [{"encrypted_key": "A" * 40_000}] * RECIPIENTS_MAX):
        assert outcome(jwe.decrypt_json, general(*parts), KEYS[1]) is TokenTooLarge
    assert calls == []


@pytest.mark.parametrize("place", ["unprotected", "header", "recipient"])
def test_C06_nor_is_a_long_header(place: str, calls: list[str]) -> None:
    for header in ({"x": "y" * 10_000}, {"x": ["y" * 100] * 100}, {f"x{n}": n for n in range(3000)}):
        bad = (
            general(recipient(), recipient({"alg": "A256KW", **header}))
            if place == "recipient"
            else flattened(**{place: header})
        )
        json_refused(bad, MalformedToken)
        with allocating_at_most(8 * len(json.dumps(bad))):
            assert outcome(jwe.decrypt_json, bad, KEYS[0]) is MalformedToken
    just = {"x": "y" * (HEADER_BYTES_MAX - 10)}
    assert jwe.decrypt_json(flattened(unprotected=just), receiver("dir")).unprotected == just
    assert calls[-1] == "open A256GCM"
    assert calls.count("random") == 1


def test_C06_a_long_header_is_not_decoded(calls: list[str]) -> None:
    for header in (b'{"alg":"dir","enc":"A256GCM","x":"' + b"y" * 700_000 + b'"}', b"[" * 700_000):
        token = f"{b64u(header)}..{'A' * 16}..{'A' * 22}"
        with allocating_at_most(5 * len(token)):  # it is split on either road, and into pieces; nothing else is done
            assert outcome(jwe.decrypt, token, KEYS[0]) is MalformedToken
            assert outcome(jwe.decrypt_json, {**flattened(), "protected": b64u(header)}, KEYS[0]) is MalformedToken
    assert calls == []


def test_C06_what_a_good_token_costs() -> None:
    """The plaintext, and the token on its way to it, some times over: nothing grows with anything else."""
    plaintext = bytes(700_000)
    for token, key in ((direct({}, plaintext), receiver("dir")), (wrapped({}, plaintext), receiver("A256KW"))):
        for _ in range(2):
            with allocating_at_most(5 * len(token)):
                assert len(jwe.decrypt(token, key).plaintext) == len(plaintext)


# --------------------------------------------------------------------------------------------- odd dicts


class Loud(dict[str, Any]):
    """A dict of a caller's own."""


def test_a_dict_with_odd_values(calls: list[str]) -> None:
    cycle: dict[str, Any] = {"alg": "A256KW"}
    cycle["x"] = cycle
    ring: list[Any] = []
    ring.append(ring)
    odds: list[Any] = [
        None,
        5,
        1.5,
        float("nan"),
        10**5000,
        True,
        b"bytes",
        "\ud800",
        (),
        (1,),
        {1},
        object(),
        cycle,
        ring,
    ]
    names = ("protected", "unprotected", "header", "encrypted_key", "iv", "ciphertext", "tag", "aad", "recipients")
    for odd in (*odds, Loud(x=1)):
        for name in names:
            assert outcome(jwe.decrypt_json, {**flattened(), name: odd}, KEYS[0]) is MalformedToken, name
        for name in ("header", "encrypted_key"):  # of a recipient
            assert (
                outcome(jwe.decrypt_json, general(recipient(), {**recipient(), name: odd}), KEYS[1]) is MalformedToken
            )
        for place in ("header", "unprotected"):
            if odd not in (None, 5, 1.5, True):
                assert outcome(jwe.decrypt_json, {**flattened(), place: {"x": odd}}, KEYS[0]) is MalformedToken
    assert calls == []
    assert jwe.decrypt_json(Loud(flattened()), receiver("dir")).plaintext == b"x"


@pytest.mark.parametrize(
    "token", [None, 5, 1.5, True, b"bytes", bytearray(b"x"), [], (), {1}, object(), ["a", "b"], b64u(b"x"), ""]
)
def test_what_is_no_token_at_all(token: Any, calls: list[str]) -> None:
    for key in KEYS:
        for decrypt in (jwe.decrypt, jwt.decrypt, jwe.decrypt_json):
            assert outcome(decrypt, token, key) is MalformedToken
    assert calls == []


def test_the_length_of_a_segment_is_no_secret() -> None:
    """An empty ciphertext is one: of a plaintext of no octets, under GCM."""
    assert jwe.decrypt(direct({}, b""), receiver("dir")).plaintext == b""
    assert segments(direct({}, b""))[3] == ""
    assert octets({"a": 1}) == b'{"a":1}'
    assert unb64u(b64u(b"x")) == b"x"
