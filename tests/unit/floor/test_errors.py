"""The error tree: what each error says to whom, and that it travels between processes."""

import copy
import inspect
import pickle
from typing import Any

import pytest

import daypass
from daypass import errors
from daypass.errors import DaypassError

SAMPLES: dict[str, Any] = {
    "UnsupportedToken": {"alg": "none", "typ": "x", "crit": "y", "kind": "jwe"},
    "ClaimError": {"claim": "sub", "reason": "type"},
    "MissingClaim": {"claim": "sub"},
    "Expired": {"at": 5},
    "NotYetValid": {"at": 5, "claim": "iat"},
    "RefreshReused": {"sid": "s"},
    "FreshLoginRequired": {"max_age_s": 60},
    "InsufficientScope": {"needed": frozenset({"a", "b"})},
    "InsufficientRole": {"needed": frozenset({"a"})},
}
CLASSES = [it for it in vars(errors).values() if inspect.isclass(it) and issubclass(it, DaypassError)]


def made(kind: type[DaypassError]) -> DaypassError:
    return kind(**SAMPLES.get(kind.__name__, {}))


def test_every_error_is_public() -> None:
    for kind in CLASSES:
        assert getattr(daypass, kind.__name__) is kind


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_has_a_code_a_message_and_its_facts(kind: type[DaypassError]) -> None:
    error = made(kind)
    assert error.code == kind.code
    assert error.code.replace("_", "").isalpha()
    assert error.public_message.endswith(".")
    assert str(error) == (error.hint or error.public_message)
    for name, value in SAMPLES.get(kind.__name__, {}).items():
        assert getattr(error, name) == value


def test_codes_tell_errors_apart() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_pickled_and_copied_whole(kind: type[DaypassError]) -> None:
    error = made(kind)
    error.add_note("seen")
    for again in (*(pickle.loads(pickle.dumps(error, n)) for n in range(2, 6)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert (again.args, vars(again), str(again)) == (error.args, vars(error), str(error))


def test_the_tree_is_the_one_that_is_drawn() -> None:
    """What an API answers follows from it: 401, 403, 400, 503."""
    tree = {
        errors.TokenError: "MalformedToken TokenTooLarge UnsupportedToken UnknownKey InvalidSignature DecryptionFailed"
        " ClaimError SessionError FreshLoginRequired",
        errors.ClaimError: "MissingClaim Expired NotYetValid WrongIssuer WrongAudience",
        errors.SessionError: "SessionEnded UnknownSession RefreshReused",
        errors.AccessDenied: "InsufficientScope InsufficientRole CrossSiteRequest",
        errors.TransportError: "NoToken SeveralTokens",
    }
    for parent, names in tree.items():
        assert {kind.__name__ for kind in CLASSES if parent in kind.__bases__} == set(names.split())
    assert issubclass(errors.ConfigurationError, ValueError)
    for kind in (errors.TokenError, errors.KeyFormatError, errors.WeakKey, errors.StoreUnavailable):
        assert not issubclass(kind, ValueError | TypeError)


def test_what_comes_from_a_token_is_cut() -> None:
    error = errors.UnsupportedToken("hint", alg="a" * 500, typ="t" * 500, crit="c" * 500, kind="k" * 500)
    assert (error.alg, error.typ, error.crit, error.kind) == ("a" * 64, "t" * 64, "c" * 64, "k" * 64)
    assert str(error) == "hint"
    assert errors.UnsupportedToken(alg="").alg == ""
    assert errors.UnsupportedToken().alg is None


def test_the_claim_that_has_no_time_is_named() -> None:
    assert (errors.Expired(5).claim, errors.Expired(5).reason) == ("exp", "expired")
    assert (errors.NotYetValid(5).claim, errors.NotYetValid(5).reason) == ("nbf", "not_yet_valid")
    assert errors.NotYetValid(5, claim="iat").claim == "iat"
    assert errors.MissingClaim("sub").reason == "missing"
    assert (errors.WrongIssuer().claim, errors.WrongAudience().claim) == ("iss", "aud")
