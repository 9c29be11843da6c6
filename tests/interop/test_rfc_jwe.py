"""Encrypted examples of the RFCs and of the cookbook (RFC 7520 5, 6): each serialization, recipient and step."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from daypass import jwe, jws, jwt
from daypass.claims import ClaimsPolicy
from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import DecryptionFailed, TokenError, UnsupportedToken
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS, KeyParameters
from daypass.jose.jwe_header import check_jwe_shape, key_parameters
from daypass.jose.jwe_message import inflate, open_content
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from tests import vectors
from tests.encryption import EVERYTHING

Example = dict[str, Any]
EXAMPLES = {it["id"]: it for it in vectors.load("rfc-examples.json")["examples"]}
COOKBOOK = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for folder in ("jwe", "curve25519")
    for path in sorted((vectors.directory() / "rfc7520-cookbook" / folder).glob("*.json"))
    if "encrypting_content" in path.read_text(encoding="utf-8")
}
NESTED = vectors.load("rfc7520-cookbook/6.nesting_signatures_and_encryption.json")
EXCEPTIONS = {"PBES2": "allow_pbes2", "RSA1_5": "allow_rsa1_5"}
EACH = pytest.mark.parametrize("example", COOKBOOK.values(), ids=COOKBOOK.keys())


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(it, id=name) for name, it in EXAMPLES.items() if it["kind"] == kind]


def octets(text: str) -> bytes:
    return b64url_decode(text.encode())


def jwk(members: Example, alg: str) -> JWK:
    return JWK.from_dict(members) if "alg" in members else JWK.from_dict(members, alg=alg)


def key_of(example: Example) -> JWK:
    """The key of an RFC example; PBES2 has a password."""
    if "password_utf8" in example:
        return JWK.from_secret(example["password_utf8"].encode(), alg=example["alg"])
    return jwk(example["key"], example["alg"])


def test_every_example_is_run() -> None:
    names = {it["kind"] for it in EXAMPLES.values()}
    assert {"jwe", "jwe-json", "content-encryption", "concat-kdf", "ecdh", "pbes2-derive", "jwe-nested-jws"} <= names
    assert len(of_kind("jwe")) == 5
    assert len(COOKBOOK) == 14


# ------------------------------------------------------------------------------------------- examples of the RFCs


@pytest.mark.parametrize("example", of_kind("jwe"))
def test_a_jwe_of_an_rfc(example: Example) -> None:
    key, token = key_of(example), example["token"]
    decrypted = jwe.decrypt(token, key, **EVERYTHING)
    assert decrypted.plaintext == octets(example["plaintext_b64u"])
    assert (decrypted.header["alg"], decrypted.header["enc"]) == (example["alg"], example["enc"])
    assert jwe.decrypt(token, key, algs=[example["alg"]], encs=[example["enc"]], **EVERYTHING) == decrypted
    for mark, word in EXCEPTIONS.items():
        if example["alg"].startswith(mark):
            with pytest.raises(UnsupportedToken):
                jwe.decrypt(token, key, **(EVERYTHING | {word: False}))


@pytest.mark.parametrize("example", of_kind("jwe-json"))
def test_a_jwe_in_json_of_an_rfc(example: Example) -> None:
    plaintext = octets(example["plaintext_b64u"])
    for index, (members, alg) in enumerate(zip(example["keys"], example["algs"], strict=True)):
        for token in (example["token"], json.dumps(example["token"])):
            decrypted = jwe.decrypt_json(token, jwk(members, alg), **EVERYTHING)
            assert (decrypted.plaintext, decrypted.recipient) == (plaintext, index)
            assert (decrypted.header | decrypted.unprotected)["alg"] == alg


@pytest.mark.parametrize("example", of_kind("content-encryption"))
def test_a_content_encryption_of_an_rfc(example: Example) -> None:
    row = CONTENT_ENCRYPTIONS[example["enc"]]
    cek, iv, aad, plaintext, ciphertext, tag = (
        bytes.fromhex(example[f"{name}_hex"]) for name in ("cek", "iv", "aad", "plaintext", "ciphertext", "tag")
    )
    assert row.encryptor(cek)(iv, plaintext, aad) == ciphertext + tag
    assert open_content(row, row.decryptor(cek), iv=iv, ciphertext=ciphertext, tag=tag, aad=aad) == plaintext


@pytest.mark.parametrize("example", of_kind("pbes2-derive"))
def test_a_password_derivation_of_an_rfc(example: Example) -> None:
    derived, cek = bytes.fromhex(example["derived_key_hex"]), bytes(range(32))
    parameters = KeyParameters(enc="A128CBC-HS256", cek_bytes=32, p2s=octets(example["p2s"]), p2c=example["p2c"])
    receive = KEY_MANAGEMENT_ALGORITHMS[example["alg"]].receiver(example["password_utf8"].encode())
    assert receive(aes_key_wrap(derived, cek), parameters) == cek


@pytest.mark.parametrize("example", of_kind("concat-kdf"))
def test_a_key_agreement_of_an_rfc(example: Example) -> None:
    recipient, ephemeral = (jwk(example[name], "ECDH-ES") for name in ("recipient", "ephemeral"))
    expected = octets(example["derived_key"])
    assert recipient.raw.private.exchange(ec.ECDH(), ephemeral.raw.public).hex() == example["z_hex"]
    parameters = KeyParameters(
        enc=example["algorithm_id"],
        cek_bytes=len(expected),
        epk=ephemeral.raw.public,
        apu=octets(example["apu"]),
        apv=octets(example["apv"]),
    )
    assert KEY_MANAGEMENT_ALGORITHMS["ECDH-ES"].receiver(recipient.raw.private)(b"", parameters) == expected


@pytest.mark.parametrize("example", of_kind("ecdh"))
def test_a_montgomery_agreement_of_an_rfc(example: Example) -> None:
    """RFC 8037 A.6, A.7: the private half of the ephemeral key is printed, and the public one of the recipient."""
    recipient, ephemeral = JWK.from_dict(example["recipient"]), JWK.from_dict(example["ephemeral"])
    private, public = (ephemeral, recipient) if ephemeral.is_private else (recipient, ephemeral)
    assert private.raw.private.exchange(public.raw.public).hex() == example["z_hex"]
    assert {name: example["header"]["epk"][name] for name in ("kty", "crv", "x")}.items() <= ephemeral.to_dict().items()


@pytest.mark.parametrize("example", of_kind("jwe-nested-jws"))
def test_a_nested_jwt_of_an_rfc(example: Example) -> None:
    outer, inner = jwk(example["key"], example["alg"]), jwk(example["inner_key"], example["inner_alg"])
    decrypted = jwe.decrypt(example["token"], outer, allow_rsa1_5=True)
    assert decrypted.header["cty"] == "JWT"
    assert jws.verify(decrypted.plaintext.decode(), inner).payload == octets(example["payload_b64u"])


# -------------------------------------------------------------------------------------------------- cookbook


def cookbook_keys(example: Example) -> list[JWK]:
    """The key of each recipient. Source: RFC 7520 5.3 (the key is the password), 5.13 (three)."""
    given = example["input"]
    algs = given["alg"] if isinstance(given["alg"], list) else [given["alg"]]
    if "pwd" in given:
        return [JWK.from_secret(given["pwd"].encode(), alg=algs[0])]
    members = given["key"] if isinstance(given["key"], list) else [given["key"]]
    return [jwk(one, alg) for one, alg in zip(members, algs, strict=True)]


def protected_of(token: Example) -> Example:
    return json.loads(octets(token["protected"])) if "protected" in token else {}


def cek_of(example: Example) -> bytes:
    """As printed: as generated, as agreed upon (5.5), or the key itself (5.6)."""
    places = (example["generated"], example.get("encrypting_key", {}))
    return octets(next((it["cek"] for it in places if "cek" in it), None) or example["input"]["key"]["k"])


@EACH
def test_a_jwe_of_the_cookbook(example: Example) -> None:
    plaintext, output, keys = example["input"]["plaintext"].encode(), example["output"], cookbook_keys(example)
    for index, key in enumerate(keys):
        if "compact" in output:
            assert jwe.decrypt(output["compact"], key, **EVERYTHING).plaintext == plaintext
        for form in ("json", "json_flat"):
            for token in (output[form], json.dumps(output[form])) if form in output else ():
                decrypted = jwe.decrypt_json(token, key, **EVERYTHING)
                assert (decrypted.plaintext, decrypted.recipient) == (plaintext, index)
                assert decrypted.aad == example["input"].get("aad", "").encode()
                assert decrypted.header == protected_of(output[form])
    if all(key.kid for key in keys):
        assert jwe.decrypt_json(output["json"], JWKSet(keys), **EVERYTHING).plaintext == plaintext


@EACH
def test_what_a_jwe_of_the_cookbook_does_not_name_is_off(example: Example) -> None:
    """RSA1_5, PBES2 and zip are exceptions: without the word for each the token is refused, with it alone it passes."""
    token, key = example["output"]["json"], cookbook_keys(example)[0]
    asked = [word for mark, word in EXCEPTIONS.items() if key.alg and key.alg.startswith(mark)]
    asked += ["allow_zip"] if "zip" in example["input"] else []
    for word in asked:
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, key)
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, key, **(EVERYTHING | {word: False}))
    assert jwe.decrypt_json(token, key, **dict.fromkeys(asked, True)).plaintext


@EACH
def test_the_cek_of_the_cookbook_is_handed_over(example: Example) -> None:
    """Each recipient gets it from the encrypted key; where that is deterministic, a sender makes the same again."""
    token, keys = example["output"]["json"], cookbook_keys(example)
    recipients = token.get("recipients", [token])
    for key, recipient in zip(keys, recipients, strict=True):
        header = check_jwe_shape(protected_of(token), token.get("unprotected", {}), recipient.get("header", {}))
        entry, enc = KEY_MANAGEMENT_ALGORITHMS[header.alg], CONTENT_ENCRYPTIONS[header.enc]
        encrypted_key = octets(recipient.get("encrypted_key", ""))
        taken = entry.receiver(key.raw.private)(encrypted_key, key_parameters(header, key, entry, enc))
        if len(cek_of(example)) == enc.cek_bytes:  # curve25519 prints one that is twice as long
            assert taken == cek_of(example)
        if header.alg in ("A128KW", "dir"):
            sent = entry.sender(key.raw.private)(taken, KeyParameters(enc=enc.name, cek_bytes=enc.cek_bytes))
            assert (sent.cek, sent.encrypted_key) == (taken, encrypted_key)


@EACH
def test_the_content_of_the_cookbook_is_made_again(example: Example) -> None:
    """With the CEK and iv that are printed the same octets leave; a compressed plaintext is taken as it is printed."""
    token, plaintext = example["output"]["json"], example["input"]["plaintext"].encode()
    row = CONTENT_ENCRYPTIONS[(protected_of(token) | token.get("unprotected", {}))["enc"]]
    cek = cek_of(example)
    if len(cek) != row.cek_bytes:
        assert example["title"] == "Curve25519 ECDH"
        return
    if "zip" in example["input"]:
        packed = octets(example["generated"]["plaintext_c"])
        assert inflate(packed) == plaintext
        plaintext = packed
    aad = ".".join(token[name] for name in ("protected", "aad") if name in token)
    iv, ciphertext, tag = (octets(token[name]) for name in ("iv", "ciphertext", "tag"))
    assert row.encryptor(cek)(iv, plaintext, aad.encode()) == ciphertext + tag
    assert row.decryptor(cek)(iv, ciphertext + tag, aad.encode()) == plaintext


@EACH
def test_a_token_of_the_cookbook_that_was_changed(example: Example) -> None:
    token, key = example["output"]["json"], cookbook_keys(example)[0]
    for name in ("protected", "iv", "ciphertext", "tag", "aad"):
        if name in token:
            raw = octets(token[name])
            changed = b64url_encode(bytes([raw[0] ^ 1]) + raw[1:])
            with pytest.raises(TokenError):
                jwe.decrypt_json({**token, name: changed}, key, **EVERYTHING)


def test_a_token_of_the_cookbook_under_another_key_fails_alike() -> None:
    messages = set()
    for example in COOKBOOK.values():
        for key in cookbook_keys(example):
            alg = key.alg or "dir"
            if key.kty == "oct" and not alg.startswith("PBES2"):
                members = key.to_dict(private=True)
                other = JWK.from_dict({**members, "k": b64url_encode(bytes(len(octets(members["k"]))))})
            else:
                other = JWK.generate(alg, crv=key.crv) if key.crv else JWK.generate(alg)
            with pytest.raises(DecryptionFailed) as raised:
                jwe.decrypt_json(example["output"]["json"], other, **EVERYTHING)
            messages.add(str(raised.value))
    assert len(messages) == 1


def test_signed_then_encrypted_in_the_cookbook() -> None:
    """RFC 7520 6: the claims expired in 2011, and the key of the signature names no alg."""
    signed, encrypted = NESTED["sign"], NESTED["encrypt"]
    outer, inner = JWK.from_dict(encrypted["input"]["key"]), jwk(signed["input"]["key"], "PS256")
    assert jws.verify(signed["output"]["compact"], inner.public()).payload == signed["input"]["payload"].encode()
    output, plaintext = encrypted["output"], encrypted["input"]["plaintext"].encode()
    assert jwe.decrypt(output["compact"], outer).plaintext == plaintext == signed["output"]["compact"].encode()
    for form in ("json", "json_flat"):
        assert jwe.decrypt_json(output[form], outer).plaintext == plaintext
    policy = ClaimsPolicy(required=(), issuer="hobbiton.example")
    row, content = CONTENT_ENCRYPTIONS["A128GCM"], encrypted["encrypting_content"]
    sealed = row.encryptor(octets(encrypted["generated"]["cek"]))(
        octets(encrypted["generated"]["iv"]), plaintext, content["protected_b64u"].encode()
    )
    assert sealed == octets(content["ciphertext"]) + octets(content["tag"])
    with pytest.raises(TokenError, match="expired"):
        jwt.decrypt_then_verify(output["compact"], outer, inner.public(), policy=policy)
