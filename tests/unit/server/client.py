"""A client that talks to the application of a service without a network."""

import asyncio
from typing import Any

import httpx

from daypass.server.app import make_app
from daypass.server.boot import Service

EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"


class Client:
    """Talks to an application, one request after the other or many at once."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(make_app(service), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://daypass.test")

    def __call__(self, method: str, path: str, access: str | None = None, **words: Any) -> httpx.Response:
        headers = words.pop("headers", {})
        if access is not None:
            headers = {"Authorization": f"Bearer {access}", **headers}
        return self.runner.run(self.http.request(method, path, headers=headers, **words))

    def together(self, *asked: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        async def gather() -> list[httpx.Response]:
            return await asyncio.gather(*(self.http.request(*words[:2], **words[2]) for words in asked))

        return self.runner.run(gather())

    def login(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        answer = self("POST", "/v1/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()


def add_account(service: Service, email: str = EMAIL, password: str = PASSWORD, *roles: str) -> str:
    return service.accounts.add(email, service.passwords.hash(password), roles=roles).id
