"""Claims with a declared type: checked when they are issued, converted when they are verified."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

import msgspec
import pytest

from daypass import jwt
from daypass.claims import ClaimsPolicy
from daypass.errors import ClaimError, ConfigurationError
from daypass.jose.jwk import JWK
from daypass.tokens.issuer import Issuer
from daypass.tokens.verifier import Verifier
from daypass.typed_claims import typed_claims

KEY = JWK.generate("HS256")
BOX = JWK.generate("A256GCM")
PARTIES = {"issuer": "https://issuer.example", "audience": "https://api.example"}


class AsStruct(msgspec.Struct, frozen=True):
    sub: str
    tenant: int
    exp: int
    roles: list[str] = []


@dataclass(frozen=True)
class AsDataclass:
    sub: str
    tenant: int
    exp: int
    roles: tuple[str, ...] = ()


class AsTypedDict(TypedDict):
    sub: str
    tenant: int
    exp: int


TYPES = [AsStruct, AsDataclass, AsTypedDict]
Sign = Callable[..., str]
Verify = Callable[..., Any]


def nested_sign(claims: Any, **words: Any) -> str:
    return jwt.sign_then_encrypt(claims, KEY, BOX, **words)


def nested_verify(token: str, **words: Any) -> Any:
    return jwt.decrypt_then_verify(token, BOX, KEY, **words)


WAYS = {
    "signed": (
        lambda claims, **words: jwt.sign(claims, KEY, **words),
        lambda it, **words: jwt.verify(it, KEY, **words),
    ),
    "encrypted": (
        lambda claims, **words: jwt.encrypt(claims, BOX, **words),
        lambda it, **words: jwt.decrypt(it, BOX, **words),
    ),
    "nested": (nested_sign, nested_verify),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[Sign, Verify]:
    return WAYS[request.param]


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_issued_with_a_type_is_verified_with_it(kind: type[Any], way: tuple[Sign, Verify]) -> None:
    sign, verify = way
    token = sign({"sub": "u", "tenant": 7}, claims_type=kind)
    claims = verify(token, claims_type=kind)
    found = claims if isinstance(claims, dict) else msgspec.to_builtins(claims)
    assert isinstance(claims, dict if kind is AsTypedDict else kind)
    assert (found["sub"], found["tenant"]) == ("u", 7)
    assert found["exp"] > time.time()


@pytest.mark.parametrize("claims", [AsStruct("u", 7, 2**33, ["a"]), AsDataclass("u", 7, 2**33, ("a",))])
def test_an_instance_is_issued_as_its_members(claims: Any, way: tuple[Sign, Verify]) -> None:
    sign, verify = way
    token = sign(claims, claims_type=type(claims))
    assert verify(token) == {"sub": "u", "tenant": 7, "exp": 2**33, "roles": ["a"]}
    assert verify(token, claims_type=type(claims)) == claims


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "claims, named",
    [({"tenant": 7}, "sub"), ({"sub": "u"}, "tenant"), ({"sub": "u", "tenant": "secret"}, "tenant")],
    ids=["no sub", "no tenant", "tenant is text"],
)
def test_what_does_not_fit_is_neither_issued_nor_verified(
    kind: type[Any], claims: dict[str, Any], named: str, way: tuple[Sign, Verify]
) -> None:
    sign, verify = way
    with pytest.raises(ValueError, match=f"no {kind.__name__}") as issued:
        sign(claims, claims_type=kind)
    assert "secret" not in str(issued.value)
    with pytest.raises(ClaimError) as verified:
        verify(sign(claims), claims_type=kind)
    assert verified.value.reason == "type"
    assert verified.value.claim in (named, "claims")
    assert "secret" not in str(verified.value)


def test_an_instance_with_a_wrong_member_is_not_issued(way: tuple[Sign, Verify]) -> None:
    """A Struct does not look at what it is made of."""
    with pytest.raises(ValueError, match="AsStruct"):
        way[0](AsStruct("u", "7", 2**33), claims_type=AsStruct)  # type: ignore[arg-type]


@pytest.mark.parametrize("claims", [5, "text", [("sub", "u")], None, object()])
def test_what_is_no_mapping_is_a_type_error(claims: Any, way: tuple[Sign, Verify]) -> None:
    for words in ({}, {"claims_type": AsStruct}):
        with pytest.raises(TypeError):
            way[0](claims, **words)


@pytest.mark.parametrize("kind", [int, str, dict, list, "AsStruct", object, Any, ClaimsPolicy.__class__])
def test_a_type_that_no_claims_have_is_refused(kind: Any, way: tuple[Sign, Verify]) -> None:
    for act in (
        lambda: way[0]({"sub": "u"}, claims_type=kind),
        lambda: Verifier(KEY, claims_type=kind, **PARTIES),
        lambda: Issuer(KEY, claims_type=kind, **PARTIES),
    ):
        with pytest.raises(ConfigurationError):
            act()


T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    sub: str
    data: T


def test_a_generic_struct_is_a_type() -> None:
    verify = Verifier(KEY, claims_type=Page[int], **PARTIES).verify
    issue = Issuer(KEY, claims_type=Page[int], **PARTIES).issue
    assert verify(issue({"sub": "u", "data": 5})).data == 5
    with pytest.raises(ValueError, match="data"):
        issue({"sub": "u", "data": "five"})


class WithEverything(msgspec.Struct):
    iss: str
    aud: str
    iat: int
    exp: int
    jti: str
    sub: str


def test_an_issuer_counts_what_it_sets_itself() -> None:
    issue = Issuer(KEY, claims_type=WithEverything, **PARTIES).issue
    claims = Verifier(KEY, claims_type=WithEverything, **PARTIES).verify(issue({"sub": "u"}))
    assert (claims.iss, claims.aud, claims.sub) == (PARTIES["issuer"], PARTIES["audience"], "u")
    with pytest.raises(ValueError, match="'sub'"):
        issue({})
    with pytest.raises(ValueError, match="leave them out"):
        issue({"sub": "u", "exp": 2**33})


class Renamed(msgspec.Struct, rename="camel"):
    tenant_id: int


class Inherits(Renamed):
    seat: int = 0


@dataclass(frozen=True)
class Child(AsDataclass):
    seat: int = 0


@pytest.mark.parametrize(
    "kind, claims, name", [(Inherits, {"exp": 1}, "tenantId"), (Child, {"sub": "u", "exp": 1}, "tenant")]
)
def test_an_inherited_or_renamed_claim_that_is_missing_is_named(
    kind: type[Any], claims: dict[str, Any], name: str
) -> None:
    with pytest.raises(ClaimError) as refused:
        typed_claims(claims, kind)
    assert (refused.value.claim, refused.value.reason) == (name, "type")
    with pytest.raises(ValueError, match=f"see '{name}'"):
        jwt.sign(claims, KEY, claims_type=kind)


@pytest.mark.parametrize("claims", [AsStruct("u", 1, 2), [("sub", "u")], ["exp"], "exp", b"exp", 5, None], ids=str)
@pytest.mark.parametrize("lifetime_s", [900, None])
def test_claims_that_are_no_mapping_are_told_of_claims_type(claims: Any, lifetime_s: int | None) -> None:
    for issue, key in ((jwt.sign, JWK.generate("HS256")), (jwt.sign, KEY), (jwt.encrypt, BOX)):
        with pytest.raises(TypeError, match=r"a mapping"):
            issue(claims, key, lifetime_s=lifetime_s)


def test_an_instance_that_holds_itself_is_a_type_error() -> None:
    @dataclass
    class Knot:
        ends: list[Any]

    knot = Knot([])
    knot.ends.append(knot)
    with pytest.raises(TypeError, match="hold themselves"):
        jwt.sign(knot, KEY, claims_type=Knot)
