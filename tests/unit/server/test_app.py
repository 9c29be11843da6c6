"""The API as a client sees it: the whole way of a session, and every kind of request that is refused."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest

from daypass.limits import REQUEST_BODY_BYTES_MAX
from daypass.server.boot import Service
from daypass.web.problem import wrong_credentials
from tests.unit.server.client import EMAIL, PASSWORD, Client, add_account


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check what holds for every refusal, and return the document."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "code"}
    assert document["status"] == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="daypass"')
    return document


def test_the_whole_way_of_a_session(client: Client) -> None:
    first = client.login()
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 600
    assert first["session"]["current"] is True
    session = client("GET", "/v1/session", first["access_token"])
    assert session.status_code == 200
    assert session.json()["sid"] == first["session"]["sid"]
    assert session.json()["roles"] == ["editor"]
    assert session.json()["scopes"] == []
    assert EMAIL not in session.text

    second = client("POST", "/v1/refresh", json={"refresh_token": first["refresh_token"]}).json()
    assert second["session"]["sid"] == first["session"]["sid"]
    assert second["access_token"] != first["access_token"]
    assert client("GET", "/v1/session", second["access_token"]).status_code == 200

    assert client("POST", "/v1/logout", second["access_token"]).status_code == 204
    for pair in (first, second):
        refusal(client("GET", "/v1/session", pair["access_token"]), 401, "session_ended")
        refusal(client("POST", "/v1/refresh", json={"refresh_token": pair["refresh_token"]}), 401, "session_ended")
    assert client("POST", "/v1/logout", second["access_token"]).status_code == 204


def test_every_answer_with_a_token_is_kept_by_nobody(client: Client) -> None:
    login = client("POST", "/v1/login", data={"email": EMAIL, "password": PASSWORD})
    refresh = client("POST", "/v1/refresh", json={"refresh_token": login.json()["refresh_token"]})
    for answer in (login, refresh):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "email, password",
    [
        (EMAIL, "wrong horse battery staple"),
        ("nobody@example.com", PASSWORD),
        ("locked@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        (EMAIL, ""),
        (EMAIL, PASSWORD + "\x00"),
        (EMAIL + "\x00", PASSWORD),
        (EMAIL, "x" * 60_000),
        ("x" * 60_000, PASSWORD),
    ],
)
def test_a_login_is_refused_in_the_same_words_whatever_is_wrong(
    email: str, password: str, client: Client, service: Service
) -> None:
    service.accounts.lock(add_account(service, "locked@example.com"))
    answer = client("POST", "/v1/login", json={"email": email, "password": password})
    document = refusal(answer, 401, "wrong_credentials")
    assert document["detail"] == "The e-mail address or the password is wrong."
    assert answer.headers["www-authenticate"] == 'Bearer realm="daypass"'


def test_an_address_is_one_in_every_spelling(client: Client) -> None:
    assert client.login(" Ada@EXAMPLE.com")["session"]["sid"] != client.login()["session"]["sid"]


@pytest.mark.parametrize(
    "words, status, code",
    [
        ({"content": b"{}"}, 415, "unsupported_media_type"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed_body"),
        ({"content": b"[]", "headers": {"Content-Type": "application/json"}}, 400, "malformed_body"),
        (
            {"content": b'{"a":"\xff"}', "headers": {"Content-Type": "application/json"}},
            400,
            "malformed_body",
        ),
        (
            {
                "content": b'{"email":"a","email":"b","password":"c"}',
                "headers": {"Content-Type": "application/json"},
            },
            400,
            "malformed_body",
        ),
        ({"data": {"email": "a"}}, 422, "invalid_fields"),
        ({"json": {}}, 422, "invalid_fields"),
        ({"json": {"email": 1, "password": "x"}}, 422, "invalid_fields"),
        ({"json": {"email": EMAIL, "password": ["x"]}}, 422, "invalid_fields"),
        ({"json": {"email": EMAIL, "password": PASSWORD, "device": {}}}, 422, "invalid_fields"),
        ({}, 422, "invalid_fields"),
        ({"files": {"email": b"x"}}, 415, "unsupported_media_type"),
        ({"content": b" " * 65_537, "headers": {"Content-Type": "application/json"}}, 413, "body_too_large"),
        ({"content": b"{}", "headers": {"Content-Length": "9" * 5000}}, 413, "body_too_large"),
    ],
)
def test_a_body_that_is_none_of_ours(words: dict[str, Any], status: int, code: str, client: Client) -> None:
    refusal(client("POST", "/v1/login", **words), status, code)


def test_a_body_of_unknown_length_is_read_no_further_than_the_bound(client: Client) -> None:
    sent = [0]

    async def endless():
        for _ in range(1000):
            sent[0] += 1
            yield b"x" * 10_000

    answer = client("POST", "/v1/login", content=endless(), headers={"Content-Type": "application/json"})
    refusal(answer, 413, "body_too_large")
    assert sent[0] <= 8


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/session"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/x"),
        ("POST", "/v1/logout"),
        ("POST", "/v1/logout-all"),
        ("POST", "/v1/password"),
    ],
)
def test_without_a_token_nothing_is_said_about_one(method: str, path: str, client: Client) -> None:
    answer = client(method, path)
    refusal(answer, 401, "no_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="daypass"'


def test_a_token_is_taken_from_the_header_alone(client: Client) -> None:
    access = client.login()["access_token"]
    refusal(client("GET", f"/v1/session?access_token={access}"), 400, "invalid_request")
    refusal(client("GET", f"/v1/session?access_token={access}", access), 400, "several_tokens")
    twice = [("Authorization", f"Bearer {access}")] * 2
    answer = client("GET", "/v1/session", headers=httpx.Headers(twice))
    refusal(answer, 400, "several_tokens")
    assert answer.headers["www-authenticate"] == 'Bearer realm="daypass", error="invalid_request"'
    refusal(client("GET", "/v1/session", headers={"Cookie": f"access_token={access}"}), 401, "no_token")
    refusal(client("GET", "/v1/session", headers={"Authorization": f"Basic {access}"}), 401, "no_token")
    assert client("GET", "/v1/session", headers={"Authorization": f"bEARER {access}"}).status_code == 200


@pytest.mark.parametrize("size", [16_384, 16_385, 60_000, 1_000_000])
def test_a_huge_token_is_a_refused_token(size: int, client: Client) -> None:
    answer = client("GET", "/v1/session", "x" * size)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="daypass", error="invalid_token"'


@pytest.mark.parametrize(
    "text",
    ["", "x", "dpr1", "dpr1.....", "dpr1." + "x" * 500, "\x00", "\u00e9", "x" * 60_000, "dpr1.a.b.1.c.d"],
)
def test_junk_as_a_refresh_token_is_a_refused_token(text: str, client: Client) -> None:
    for path in ("/v1/refresh", "/v1/logout"):
        answer = client("POST", path, json={"refresh_token": text})
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"] == 'Bearer realm="daypass", error="invalid_token"'


def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(client: Client) -> None:
    pair = client.login()
    assert client("POST", "/v1/refresh", json={"refresh_token": pair["access_token"]}).status_code == 401
    assert client("GET", "/v1/session", pair["refresh_token"]).status_code == 401


def test_verification_needs_no_thread_that_logins_could_take(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = client.login()["access_token"]
    release = threading.Event()

    def wait(_email: str, _password: str) -> None:
        assert release.wait(30)
        raise wrong_credentials()

    monkeypatch.setattr(service.login, "authenticate", wait)

    async def storm() -> set[int]:
        words = {"email": EMAIL, "password": PASSWORD}
        logins = [asyncio.ensure_future(client.http.post("/v1/login", json=words)) for _ in range(100)]
        await asyncio.sleep(0)  # the first of them have begun
        answer = await client.http.get("/v1/session", headers={"Authorization": f"Bearer {access}"})
        assert answer.status_code == 200
        for path in ("/healthz", "/.well-known/jwks.json"):
            assert (await client.http.get(path)).status_code == 200
        assert not any(login.done() for login in logins)
        release.set()
        return {login.status_code for login in await asyncio.gather(*logins)}

    assert client.runner.run(storm()) == {401}


def test_what_is_not_there_and_what_is_not_done(client: Client) -> None:
    for path in (
        "/",
        "/v1",
        "/v1/session/",
        "/v1/nothing",
        "/docs",
        "/redoc",
        "/V1/session",
        "/v1/%2e%2e/session",
    ):
        refusal(client("GET", path), 404, "not_found")
    for method, path in (
        ("GET", "/v1/login"),
        ("PUT", "/v1/session"),
        ("POST", "/v1/sessions/x"),
        ("OPTIONS", "/v1/login"),
    ):
        answer = client(method, path)
        refusal(answer, 405, "method_not_allowed")
        assert answer.headers["allow"]
    assert "POST" in client("GET", "/v1/login").headers["allow"]


def test_devices_are_listed_to_their_owner_alone(client: Client, service: Service) -> None:
    add_account(service, "eve@example.com")
    phone = client("POST", "/v1/login", json={"email": EMAIL, "password": PASSWORD, "device": "phone\x1b[2J"}).json()
    laptop = client(
        "POST", "/v1/login", json={"email": EMAIL, "password": PASSWORD}, headers={"User-Agent": "x" * 999}
    ).json()
    eve = client.login("eve@example.com")
    listed = client("GET", "/v1/sessions", laptop["access_token"]).json()["sessions"]
    assert {entry["sid"]: entry["current"] for entry in listed} == {
        phone["session"]["sid"]: False,
        laptop["session"]["sid"]: True,
    }
    assert {entry["device"] for entry in listed} == {"phone[2J", "x" * 200}
    assert {entry["sid"] for entry in client("GET", "/v1/sessions", eve["access_token"]).json()["sessions"]} == {
        eve["session"]["sid"]
    }


def test_nobody_ends_the_session_of_another(client: Client, service: Service) -> None:
    add_account(service, "eve@example.com")
    ada, eve = client.login(), client.login("eve@example.com")
    path = f"/v1/sessions/{ada['session']['sid']}"
    for unknown in (
        path,
        "/v1/sessions/x",
        "/v1/sessions/%00",
        "/v1/sessions/" + "A" * 22,
        "/v1/sessions/%C3%A9",
        "/v1/sessions/" + "x" * 5000,
    ):
        refusal(client("DELETE", unknown, eve["access_token"]), 404, "not_found")
    assert client("GET", "/v1/session", ada["access_token"]).status_code == 200

    other = client.login()
    assert client("DELETE", path, other["access_token"]).status_code == 204
    assert client("DELETE", path, other["access_token"]).status_code == 204
    refusal(client("GET", "/v1/session", ada["access_token"]), 401, "session_ended")
    assert client("GET", "/v1/session", other["access_token"]).status_code == 200


def test_logout_all_ends_all_of_one_account(client: Client, service: Service) -> None:
    add_account(service, "eve@example.com")
    pairs, eve = [client.login() for _ in range(3)], client.login("eve@example.com")
    assert client("POST", "/v1/logout-all", pairs[0]["access_token"]).status_code == 204
    for pair in pairs:
        refusal(client("GET", "/v1/session", pair["access_token"]), 401, "session_ended")
        refusal(client("POST", "/v1/refresh", json={"refresh_token": pair["refresh_token"]}), 401, "session_ended")
    assert client("GET", "/v1/session", eve["access_token"]).status_code == 200


def test_what_reads_no_body_does_not_mind_one(client: Client) -> None:
    huge = b"x" * (REQUEST_BODY_BYTES_MAX + 1)
    refusal(client("POST", "/v1/logout-all", content=huge), 401, "no_token")
    pair = client.login()
    assert client("POST", "/v1/logout-all", pair["access_token"], content=huge).status_code == 204
    refusal(client("GET", "/v1/session", pair["access_token"]), 401, "session_ended")


def test_logout_with_the_refresh_token_alone(client: Client) -> None:
    pair = client.login()
    words = {"json": {"refresh_token": pair["refresh_token"]}}
    assert client("POST", "/v1/logout", **words).status_code == 204
    refusal(client("GET", "/v1/session", pair["access_token"]), 401, "session_ended")
    assert client("POST", "/v1/logout", **words).status_code == 204
    assert client("POST", "/v1/logout", json=pair).status_code == 204


def test_logout_does_not_believe_a_touched_token(client: Client) -> None:
    pair = client.login()
    touched = pair["access_token"][:-6] + "AAAAAA"
    assert client("POST", "/v1/logout", touched).status_code == 401
    assert client("POST", "/v1/logout", touched, json={"refresh_token": pair["refresh_token"]}).status_code == 401
    assert client("GET", "/v1/session", pair["access_token"]).status_code == 200


def test_changing_the_password_ends_the_other_sessions(client: Client) -> None:
    here, there = client.login(), client.login()
    new = "a much better passphrase"
    words = {"current_password": PASSWORD, "new_password": new}
    assert client("POST", "/v1/password", here["access_token"], json=words).status_code == 204
    assert client("GET", "/v1/session", here["access_token"]).status_code == 200
    refusal(client("GET", "/v1/session", there["access_token"]), 401, "session_ended")
    refusal(client("POST", "/v1/login", json={"email": EMAIL, "password": PASSWORD}), 401, "wrong_credentials")
    client.login(password=new)


@pytest.mark.parametrize(
    "current, new, status, code",
    [
        ("wrong horse battery staple", "a much better passphrase", 403, "wrong_password"),
        (PASSWORD, "too short", 422, "password_not_accepted"),
        (PASSWORD, "x" * 1025, 422, "password_not_accepted"),
        (PASSWORD, 5, 422, "invalid_fields"),
    ],
)
def test_a_password_that_is_not_changed(current: str, new: str, status: int, code: str, client: Client) -> None:
    here, there = client.login(), client.login()
    words = {"current_password": current, "new_password": new}
    refusal(client("POST", "/v1/password", here["access_token"], json=words), status, code)
    assert client("GET", "/v1/session", there["access_token"]).status_code == 200
    client.login()


def test_the_keys_are_public_and_cacheable(client: Client, service: Service) -> None:
    answer = client("GET", "/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=30"
    (key,) = answer.json()["keys"]
    assert key["kty"] == "OKP"
    assert key.keys().isdisjoint({"d", "k", "p", "q", "dp", "dq", "qi", "oth", "daypass"})
    service.sessions.keys.rotate()
    assert len(client("GET", "/.well-known/jwks.json").json()["keys"]) == 2


def test_health(client: Client) -> None:
    assert client("GET", "/healthz").json() == {"status": "ok"}
    assert client("HEAD", "/healthz").status_code == 200


def test_the_document_describes_every_operation(client: Client) -> None:
    document = client("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    schemas = document["components"]["schemas"]
    assert set(schemas["Problem"]["required"]) == {"type", "title", "status", "detail", "code"}
    expected = {
        "/v1/login": "post",
        "/v1/session": "get",
        "/v1/refresh": "post",
        "/v1/logout": "post",
        "/v1/sessions": "get",
        "/v1/sessions/{sid}": "delete",
        "/v1/logout-all": "post",
        "/v1/password": "post",
        "/.well-known/jwks.json": "get",
        "/healthz": "get",
    }
    assert {path: next(iter(operations)) for path, operations in document["paths"].items()} == expected
    for path, method in expected.items():
        operation = document["paths"][path][method]
        problems = {status: told for status, told in operation["responses"].items() if int(status) >= 400}
        assert all("application/problem+json" in told["content"] for told in problems.values())
        if "security" in operation:
            assert {"400", "401"} <= set(problems)
            assert operation["security"] == [{"bearer": []}, {}] if path == "/v1/logout" else [{"bearer": []}]
        if method == "post" and "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(problems)
    references = json.dumps(document).split('"$ref": "#/components/schemas/')[1:]
    assert {reference.partition('"')[0] for reference in references} <= set(schemas)


def test_what_nobody_expected_is_a_problem_without_a_reason_and_a_log_line_without_a_value(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_email: str, _password: str) -> None:
        raise RuntimeError(f"no luck with {PASSWORD}")

    monkeypatch.setattr(service.login, "authenticate", fail)
    answer = client("POST", "/v1/login", json={"email": EMAIL, "password": PASSWORD})
    refusal(answer, 500, "internal_error")
    assert "unexpected RuntimeError" in caplog.text
    assert "in fail" in caplog.text
    assert PASSWORD not in caplog.text + answer.text


def test_a_store_that_cannot_answer_is_not_the_fault_of_the_token(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from daypass.errors import StoreUnavailable

    pair = client.login()

    def fail(_account_id: str) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(service.accounts, "password_by_email", fail)
    answer = client("POST", "/v1/login", json={"email": EMAIL, "password": PASSWORD})
    refusal(answer, 503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "disk" not in answer.text
    assert caplog.messages == ["store_unavailable: disk full"]
    assert client("GET", "/v1/session", pair["access_token"]).status_code == 200
