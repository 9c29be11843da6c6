import json
import secrets

import pytest

from daypass.errors import ConfigurationError, KeyFormatError, WeakKey
from daypass.jose.jwk import JWK
from daypass.keyring.content import dump_ring
from daypass.keyring.environment import EnvironmentStorage
from daypass.keyring.ring import KeyRing
from daypass.keyring.rotation import new_ring, rotated
from daypass.keyring.schedule import RotationSchedule
from daypass.keyring.storage import RingText

T = 1_800_000_000
NAME = "DAYPASS_TEST_KEYS"
SECRET = "b1Qm0zXyV9oJrT7uK3nWfLpE5cHdAg2SiRt8"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    def read(value: str | dict, **words) -> KeyRing:
        monkeypatch.setenv(NAME, value if isinstance(value, str) else json.dumps(value))
        return KeyRing.from_env(NAME, clock=lambda: T, **words)

    return read


def private(alg: str = "EdDSA", kid: str | None = None) -> dict:
    return JWK.generate(alg, kid=kid).to_dict(private=True)


def refresh_key(ring: KeyRing) -> bytes:
    key = ring.derived_key(ring.derive_kid(), "refresh")
    assert key is not None
    return key


def test_a_secret_text_is_the_hmac_key(environment) -> None:
    text = secrets.token_urlsafe(32)
    ring = environment(text)
    assert ring.signing_keys()[0].alg == "HS256"
    assert (
        ring.signing_keys()[0].to_dict(private=True)["k"]
        == JWK.from_secret(text.encode(), alg="HS256").to_dict(private=True)["k"]
    )
    assert len(ring.public()) == 0
    assert ring.path is None


def test_two_processes_with_one_secret_agree_on_everything(environment) -> None:
    text = secrets.token_urlsafe(32)
    one, other = environment(text), environment(text)
    assert one.entries() == other.entries()
    assert refresh_key(one) == refresh_key(other)
    assert refresh_key(one) not in text.encode()


def test_another_algorithm_for_a_text(environment) -> None:
    assert environment(secrets.token_urlsafe(64), alg="HS512").signing_keys()[0].alg == "HS512"
    with pytest.raises(WeakKey):
        environment(secrets.token_urlsafe(32), alg="HS512")
    with pytest.raises(ConfigurationError):
        environment(secrets.token_urlsafe(32), alg="EdDSA")


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "RS256", "HS256"])
@pytest.mark.parametrize("shape", ["key", "set", "anonymous"])
def test_a_private_jwk_signs(environment, alg: str, shape: str) -> None:
    jwk = private(alg)
    if shape == "anonymous":
        jwk.pop("kid")
    value = {"keys": [jwk]} if shape == "set" else jwk
    ring = environment(value)
    assert ring.signing_keys()[0].alg == alg
    assert ring.entries() == environment(value).entries()
    assert refresh_key(ring) == refresh_key(environment(value))
    assert len(ring.public()) == (alg != "HS256")


def test_an_alg_binds_the_keys_that_name_none(environment) -> None:
    jwk = private("RS256")
    jwk.pop("alg")
    with pytest.raises(ConfigurationError, match="alg"):
        environment(jwk)
    assert environment(jwk, alg="PS256").signing_keys()[0].alg == "PS256"
    assert environment(private("ES256"), alg="PS256").signing_keys()[0].alg == "ES256"


def test_a_new_key_in_front_of_the_old_one_logs_nobody_out(environment) -> None:
    old, new = private("EdDSA"), private("ES256")
    before = environment(old)
    after = environment({"keys": [new, old]})
    assert after.signing_keys()[0].kid == new["kid"]
    assert [key.kid for key in after.verification_keys()] == [new["kid"], old["kid"]]
    assert after.derive_kid() != before.derive_kid()
    assert after.derived_key(before.derive_kid(), "refresh") == refresh_key(before)


def test_public_keys_only_verify(environment) -> None:
    old = JWK.generate("ES256")
    ring = environment({"keys": [old.public().to_dict(), private("EdDSA")]})
    assert ring.signing_keys()[0].alg == "EdDSA"
    assert [key.alg for key in ring.verification_keys()] == ["ES256", "EdDSA"]


def test_a_whole_ring_keeps_its_times(environment) -> None:
    content = new_ring(JWK.generate("EdDSA"), schedule=RotationSchedule(publish_s=7), now_s=T - 100)
    content = rotated(content, [JWK.generate("EdDSA")], at_once=False, now_s=T - 5)
    ring = environment(dump_ring(content).reveal().decode())
    assert ring.entries() == content.entries()
    assert ring.schedule.publish_s == 7
    assert ring.signing_keys()[0].kid == content.signing[0].entry.kid


def test_a_whole_ring_keeps_its_schedule_or_a_wider_one(environment) -> None:
    content = new_ring(JWK.generate("EdDSA"), schedule=RotationSchedule(publish_s=7), now_s=T)
    wide = RotationSchedule(publish_s=1, token_lifetime_s_max=100_000)
    ring = environment(dump_ring(content).reveal().decode(), schedule=wide)
    assert ring.schedule == RotationSchedule(publish_s=7, token_lifetime_s_max=100_000)
    assert environment(secrets.token_urlsafe(32), schedule=wide).schedule == wide


def test_a_key_exported_by_a_browser_signs(environment) -> None:
    ring = environment({**private("ES256"), "key_ops": ["sign"], "ext": True})
    assert ring.signing_keys()[0].key_ops == ("sign",)
    assert [key.key_ops for key in ring.verification_keys()] == [("verify",)]


def test_a_ring_without_secrets_derives_them(environment) -> None:
    content = new_ring(JWK.generate("EdDSA"), schedule=RotationSchedule(), now_s=T - 100)
    document = json.loads(dump_ring(content).reveal())
    document["keys"] = [key for key in document["keys"] if key["daypass"]["purpose"] == "sign"]
    ring = environment(document)
    assert refresh_key(ring) == refresh_key(environment(document))
    assert ring.entries()[0] == content.entries()[0]


@pytest.mark.parametrize(
    "value, reason",
    [
        ("{", "JSON"),
        ("{}", "kty"),
        ('{"keys":7}', "list"),
        ('{"keys":[]}', "nothing to sign with"),
        ('{"keys":[7]}', "object"),
        ('{"kty":"oct","k":"AAAA","kid":7,"alg":"HS256"}', "kid"),
        ('{"kty":"oct","kty":"oct"}', "JSON"),
        ('{"keys":[],"daypass":{}}', "ring"),
        (f" {SECRET}", "white space"),
        (f"{SECRET}\n", "white space"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDfF8Ma4vUZJWiVp\n-----END PRIVATE KEY-----", ""),
    ],
)  # fmt: skip
def test_what_holds_no_key_is_refused_by_the_name_of_the_variable(environment, value: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"environment variable {NAME}: .*{reason}"):
        environment(value)


def test_public_keys_alone_are_refused(environment) -> None:
    with pytest.raises(ConfigurationError, match="nothing to sign with") as caught:
        environment(JWK.generate("ES256").public().to_dict())
    assert isinstance(caught.value.__cause__, KeyFormatError)


def test_one_kid_for_two_keys_is_refused(environment) -> None:
    with pytest.raises(ConfigurationError, match="same kid"):
        environment({"keys": [private("EdDSA", "a"), private("ES256", "a")]})
    jwk = private("EdDSA")
    with pytest.raises(ConfigurationError, match="same kid"):
        environment({"keys": [jwk, jwk]})


@pytest.mark.parametrize("value", ["", "short", "a" * 43, "changeme" * 8])
def test_a_weak_secret_is_refused_as_text_and_as_jwk(environment, value: str) -> None:
    with pytest.raises(WeakKey, match=f"{NAME}.*token_urlsafe"):
        environment(value)


def test_a_guessable_jwk_is_refused(environment) -> None:
    with pytest.raises(WeakKey, match=f"{NAME}.*guessed"):
        environment({"kty": "oct", "k": "A" * 43, "alg": "HS256"})


@pytest.mark.parametrize("words", [{"use": "enc"}, {"key_ops": ["verify"]}, {"alg": "PBES2-HS256+A128KW"}])
def test_a_key_for_something_else_is_refused(environment, words: dict) -> None:
    with pytest.raises(ConfigurationError, match=NAME):
        environment({**private("HS256"), **words})


def test_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    with pytest.raises(ConfigurationError, match=f"{NAME} is not set.*token_urlsafe"):
        KeyRing.from_env(NAME)


def test_bytes_that_are_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "\udcff" + secrets.token_urlsafe(32))
    assert KeyRing.from_env(NAME).signing_keys()[0].alg == "HS256"


def test_nothing_changes_it_and_the_error_says_what_does(environment) -> None:
    ring = environment(secrets.token_urlsafe(32))
    for change in (ring.rotate, lambda: ring.retire("x")):
        with pytest.raises(ConfigurationError, match=f"{NAME}.*in front"):
            change()
    with pytest.raises(ConfigurationError, match="in front"):
        EnvironmentStorage(NAME).write(RingText(b""))
    epoch = ring.epoch
    ring.reread()
    assert ring.epoch == epoch
