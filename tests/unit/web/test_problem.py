"""Each error has one status, one code, and the header that tells a client what to do."""

import inspect

import msgspec
import pytest

from daypass import errors
from daypass.web.problem import Problem, Refused, internal_error, problem_of, refusal_of

REALM = 'Bearer realm="daypass"'

SAMPLES = [
    (errors.MalformedToken("h"), 401, f'{REALM}, error="invalid_token"'),
    (errors.Expired(5), 401, f'{REALM}, error="invalid_token"'),
    (errors.SessionEnded("h"), 401, f'{REALM}, error="invalid_token"'),
    (errors.RefreshReused("sid"), 401, f'{REALM}, error="invalid_token"'),
    (errors.FreshLoginRequired(60), 401, f'{REALM}, error="insufficient_user_authentication", max_age="60"'),
    (errors.NoToken("h"), 401, REALM),
    (errors.SeveralTokens("h"), 400, f'{REALM}, error="invalid_request"'),
    (errors.TransportError("h"), 400, f'{REALM}, error="invalid_request"'),
    (
        errors.InsufficientScope(frozenset({"b", "a"})),
        403,
        f'{REALM}, error="insufficient_scope", scope="a b"',
    ),
    (errors.InsufficientRole(frozenset({"admin"})), 403, None),
    (errors.CrossSiteRequest("h"), 403, None),
    (errors.StoreUnavailable("h"), 503, None),
    (errors.RemoteKeysUnavailable("h"), 503, None),
    (errors.ConfigurationError("h"), 500, None),
    (errors.WeakKey("h"), 500, None),
    (errors.KeyFormatError("h"), 500, None),
]


@pytest.mark.parametrize("error, status, challenge", SAMPLES, ids=lambda it: type(it).__name__)
def test_an_error_over_http(error: errors.DaypassError, status: int, challenge: str | None) -> None:
    refused = refusal_of(error)
    headers = dict(refused.headers)
    assert (refused.status, headers.get("www-authenticate")) == (status, challenge)
    assert ("retry-after" in headers) == (status == 503)
    assert refused.detail != "h"
    if status < 500:
        assert refused.code == error.code


def test_a_fault_of_ours_is_not_explained_to_strangers() -> None:
    refused = refusal_of(errors.ConfigurationError("the file /somewhere/keys is readable by others"))
    assert problem_of(refused) == problem_of(internal_error())


def test_every_error_has_a_code_of_its_own_and_no_hint_gets_out() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DaypassError)]
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_problem_document_has_the_members_of_the_rfc() -> None:
    problem = problem_of(Refused(413, "body_too_large", "At most so much."))
    assert msgspec.json.decode(msgspec.json.encode(problem)) == {
        "type": "urn:daypass:problem:body_too_large",
        "title": "Body too large",
        "status": 413,
        "detail": "At most so much.",
        "code": "body_too_large",
    }
    assert isinstance(problem, Problem)
