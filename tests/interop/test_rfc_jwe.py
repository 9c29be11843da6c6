"""Encrypted examples of the RFCs and of the cookbook (RFC 7520 5): each serialization, each recipient, each step."""

import json
from typing import Any

import pytest

from daypass import jwe
from daypass.encoding import b64url_decode
from daypass.errors import DecryptionFailed, TokenError, UnsupportedToken
from daypass.jose.concealed import Concealed
from daypass.jose.jwa.content_encryption import CONTENT_ENCRYPTIONS
from daypass.jose.jwa.key_management import KEY_MANAGEMENT_ALGORITHMS, KeyParameters
from daypass.jose.jwe_message import open_content
from daypass.jose.jwk import JWK
from daypass.jose.jwk_set import JWKSet
from daypass.jose.raw_key import raw_from_secret
from tests import vectors

EXAMPLES = {it["id"]: it for it in vectors.load("rfc-examples.json")["examples"]}
COOKBOOK = {
    path.relative_to(vectors.directory()).as_posix(): json.loads(path.read_text(encoding="utf-8"))
    for folder in ("jwe", "curve25519")
    for path in sorted((vectors.directory() / "rfc7520-cookbook" / folder).glob("*.json"))
    if "encrypting_content" in path.read_text(encoding="utf-8")
}
EVERYTHING: dict[str, Any] = {"allow_zip": True, "allow_pbes2": True, "allow_rsa1_5": True}
EXCEPTIONS = {"PBES2": "allow_pbes2", "RSA1_5": "allow_rsa1_5"}


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(it, id=name) for name, it in EXAMPLES.items() if it["kind"] == kind]


def password_key(text: str, alg: str) -> JWK:
    return JWK.from_secret(text.encode(), alg=alg)


def key_of(example: dict[str, Any]) -> JWK:
    """The key of an RFC example; PBES2 has a password."""
    if "password_utf8" in example:
        return password_key(example["password_utf8"], example["alg"])
    key = JWK.from_dict(example["key"])
    return key if key.alg or example["alg"] == "dir" else JWK.from_dict(example["key"], alg=example["alg"])


def test_every_example_is_run() -> None:
    names = {it["kind"] for it in EXAMPLES.values()}
    assert {"jwe", "jwe-json", "content-encryption", "concat-kdf", "ecdh", "pbes2-derive", "jwe-nested-jws"} <= names
    assert len(of_kind("jwe")) == 5
    assert len(COOKBOOK) == 14


@pytest.mark.parametrize("example", of_kind("jwe"))
def test_a_jwe_of_an_rfc(example: dict[str, Any]) -> None:
    plaintext = b64url_decode(example["plaintext_b64u"].encode())
    key = key_of(example)
    decrypted = jwe.decrypt(example["token"], key, **EVERYTHING)
    assert decrypted.plaintext == plaintext
    assert (decrypted.header["alg"], decrypted.header["enc"]) == (example["alg"], example["enc"])
    assert jwe.decrypt(example["token"], key, algs=[example["alg"]], encs=[example["enc"]], **EVERYTHING) == decrypted
    for word, value in EVERYTHING.items():
        if example["alg"].startswith(tuple(EXCEPTIONS)) and word == EXCEPTIONS[example["alg"].split("-")[0]]:
            with pytest.raises(UnsupportedToken):
                jwe.decrypt(example["token"], key, **(EVERYTHING | {word: not value}))


@pytest.mark.parametrize("example", of_kind("jwe-json"))
def test_a_jwe_in_json_of_an_rfc(example: dict[str, Any]) -> None:
    plaintext = b64url_decode(example["plaintext_b64u"].encode())
    for index, (members, alg) in enumerate(zip(example["keys"], example["algs"], strict=True)):
        key = JWK.from_dict(members) if "alg" in members else JWK.from_dict(members, alg=alg)
        for token in (example["token"], json.dumps(example["token"])):
            decrypted = jwe.decrypt_json(token, key, **EVERYTHING)
            assert (decrypted.plaintext, decrypted.recipient) == (plaintext, index)
            assert "enc" in decrypted.header or "enc" in decrypted.unprotected


@pytest.mark.parametrize("example", of_kind("content-encryption"))
def test_a_content_encryption_of_an_rfc(example: dict[str, Any]) -> None:
    row = CONTENT_ENCRYPTIONS[example["enc"]]
    cek, iv, aad, plaintext, ciphertext, tag = (
        bytes.fromhex(example[f"{name}_hex"]) for name in ("cek", "iv", "aad", "plaintext", "ciphertext", "tag")
    )
    assert row.encryptor(cek)(iv, plaintext, aad) == ciphertext + tag
    opened = open_content(row, row.decryptor(cek), iv=iv, ciphertext=ciphertext, tag=tag, aad=aad)
    assert opened == plaintext
    with pytest.raises(DecryptionFailed):
        open_content(row, row.decryptor(cek), iv=iv, ciphertext=ciphertext, tag=tag[:-1] + b"\0", aad=aad)


@pytest.mark.parametrize("example", of_kind("pbes2-derive"))
def test_a_password_derivation_of_an_rfc(example: dict[str, Any]) -> None:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    derived, cek = bytes.fromhex(example["derived_key_hex"]), bytes(range(32))
    parameters = KeyParameters(
        enc="A128CBC-HS256", cek_bytes=32, p2s=b64url_decode(example["p2s"].encode()), p2c=example["p2c"]
    )
    receive = KEY_MANAGEMENT_ALGORITHMS[example["alg"]].receiver(example["password_utf8"].encode())
    assert receive(aes_key_wrap(derived, cek), parameters) == cek


@pytest.mark.parametrize("example", of_kind("concat-kdf"))
def test_a_key_agreement_of_an_rfc(example: dict[str, Any]) -> None:
    recipient = JWK.from_dict(example["recipient"], alg="ECDH-ES")
    ephemeral = JWK.from_dict(example["ephemeral"], alg="ECDH-ES")
    expected = b64url_decode(example["derived_key"].encode())
    assert recipient.raw.private.exchange(_ecdh(), ephemeral.raw.public).hex() == example["z_hex"]
    parameters = KeyParameters(
        enc=example["algorithm_id"], cek_bytes=len(expected), epk=ephemeral.raw.public, apu=b"Alice", apv=b"Bob"
    )
    assert example["apu"]
    assert example["apv"]
    assert KEY_MANAGEMENT_ALGORITHMS["ECDH-ES"].receiver(recipient.raw.private)(b"", parameters) == expected


def _ecdh() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.ECDH()


@pytest.mark.parametrize("example", of_kind("ecdh"))
def test_a_montgomery_agreement_of_an_rfc(example: dict[str, Any]) -> None:
    """RFC 8037 A.6, A.7: the public keys and the shared secret; the ephemeral private key is printed, too."""
    recipient = JWK.from_dict({**example["recipient"]})
    assert recipient.crv in ("X25519", "X448")
    ephemeral = JWK.from_dict(example["ephemeral"])
    private, public = (ephemeral, recipient) if ephemeral.is_private else (recipient, ephemeral)
    assert private.raw.private.exchange(public.raw.public).hex() == example["z_hex"]
    assert example["header"]["epk"] == ephemeral.to_dict() | {
        name: example["header"]["epk"][name] for name in example["header"]["epk"].keys() - ephemeral.to_dict().keys()
    }


@pytest.mark.parametrize("example", of_kind("jwe-nested-jws"))
def test_a_nested_jwt_of_an_rfc(example: dict[str, Any]) -> None:
    from daypass import jws

    key = JWK.from_dict(example["key"], alg=example["alg"])
    inner = jwe.decrypt(example["token"], key, allow_rsa1_5=True)
    assert inner.header["cty"] == "JWT"
    verified = jws.verify(inner.plaintext.decode(), JWK.from_dict(example["inner_key"], alg=example["inner_alg"]))
    assert verified.payload == b64url_decode(example["payload_b64u"].encode())


# -------------------------------------------------------------------------------------------------- cookbook


def cookbook_keys(example: dict[str, Any]) -> list[JWK]:
    given = example["input"]
    algs = given["alg"] if isinstance(given["alg"], list) else [given["alg"]]
    if "pwd" in given:
        return [password_key(given["pwd"], algs[0])]
    members = given["key"] if isinstance(given["key"], list) else [given["key"]]
    return [
        JWK.from_dict(one) if "alg" in one else JWK.from_dict(one, alg=alg)
        for one, alg in zip(members, algs, strict=True)
    ]


@pytest.mark.parametrize("example", COOKBOOK.values(), ids=COOKBOOK.keys())
def test_a_jwe_of_the_cookbook(example: dict[str, Any]) -> None:
    plaintext, output = example["input"]["plaintext"].encode(), example["output"]
    keys = cookbook_keys(example)
    for index, key in enumerate(keys):
        if "compact" in output:
            assert jwe.decrypt(output["compact"], key, **EVERYTHING).plaintext == plaintext
        for form in ("json", "json_flat"):
            if form in output:
                for token in (output[form], json.dumps(output[form])):
                    decrypted = jwe.decrypt_json(token, key, **EVERYTHING)
                    assert (decrypted.plaintext, decrypted.recipient) == (plaintext, index)
                    assert decrypted.aad == example["input"].get("aad", "").encode()
                    named = decrypted.header | decrypted.unprotected
                    assert named["kid" if "kid" in named else "alg"]
    if "pwd" not in example["input"]:
        everybody = JWKSet(keys)
        assert jwe.decrypt_json(output["json"], everybody, **EVERYTHING).plaintext == plaintext


@pytest.mark.parametrize("example", COOKBOOK.values(), ids=COOKBOOK.keys())
def test_what_a_jwe_of_the_cookbook_does_not_name_is_off(example: dict[str, Any]) -> None:
    """RSA1_5, PBES2 and zip are exceptions: without the word for each the token is refused, with it alone it is taken."""
    output, key = example["output"], cookbook_keys(example)[0]
    token = output["json"]
    asked = [word for mark, word in EXCEPTIONS.items() if key.alg and key.alg.startswith(mark)]
    asked += ["allow_zip"] if "zip" in example["input"] else []
    if asked:
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, key)
        with pytest.raises(UnsupportedToken):
            jwe.decrypt_json(token, key, **(EVERYTHING | {asked[0]: False}))
    assert jwe.decrypt_json(token, key, **dict.fromkeys(asked, True)).plaintext


@pytest.mark.parametrize("example", COOKBOOK.values(), ids=COOKBOOK.keys())
def test_the_content_of_the_cookbook_is_made_again(example: dict[str, Any]) -> None:
    """With the CEK and iv that the RFC prints, the same octets leave."""
    made, output = example["generated"], example["output"]["json"]
    enc = (example["encrypting_content"].get("protected") or output.get("unprotected"))["enc"]
    row = CONTENT_ENCRYPTIONS[enc]
    aad = output.get("protected", "") + (f".{output['aad']}" if "aad" in output else "")
    cek = made.get("cek") or example["input"]["key"].get("k") if "cek" in made else None
    if cek is None and example["input"]["alg"] == "dir":
        cek = example["input"]["key"]["k"]
    if cek is None:
        pytest.fail("no CEK") if example["input"]["alg"] != "ECDH-ES" else None
        return
    iv, ciphertext, tag = (b64url_decode(output[name].encode()) for name in ("iv", "ciphertext", "tag"))
    plaintext = example["input"]["plaintext"].encode()
    sealed = row.encryptor(b64url_decode(cek.encode()))
    if "zip" not in example["input"]:
        assert sealed(iv, plaintext, aad.encode()) == ciphertext + tag
    assert row.decryptor(b64url_decode(cek.encode()))(iv, ciphertext + tag, aad.encode())


def test_a_token_of_the_cookbook_under_another_key_fails_alike() -> None:
    messages = set()
    for example in COOKBOOK.values():
        key = cookbook_keys(example)[0]
        if key.alg is None or (key.kty == "oct" and "pwd" not in example["input"]):
            continue
        other = JWK.generate(key.alg, crv=key.crv if key.crv and key.alg.startswith("ECDH") else None)
        with pytest.raises(TokenError) as raised:
            jwe.decrypt_json(example["output"]["json"], other, **EVERYTHING)
        assert type(raised.value) is DecryptionFailed
        messages.add(str(raised.value))
    assert len(messages) == 1
    assert raw_from_secret(Concealed(b"x")).kty == "oct"
