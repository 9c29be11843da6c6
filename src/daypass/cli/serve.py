"""``daypass serve``. Enters: where to listen, where the data is. Leaves: a running service."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from daypass.cli.options import Data

__all__ = ["serve"]


def serve(
    *,
    data: Data = None,
    host: Annotated[
        str | None,
        typer.Option(help="The address to listen on. [DAYPASS_HOST, else 127.0.0.1]", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 for any. [DAYPASS_PORT, else 8000]", show_default=False)
    ] = None,
    behind_tls: Annotated[
        bool | None,
        typer.Option("--behind-tls", help="A proxy in front of the service speaks TLS. [DAYPASS_BEHIND_TLS]"),
    ] = None,
) -> None:
    """Run the service. The first start makes the database, the keys and an administrator."""
    from daypass.server.app import make_app
    from daypass.server.boot import ADMINISTRATOR_EMAIL, first_administrator, open_service
    from daypass.server.listen import bind, run
    from daypass.server.settings import read_settings

    settings = read_settings(data=data, host=host, port=port, behind_tls=behind_tls)
    listener = bind(settings)
    service = open_service(settings)
    shown_password = ""

    def announce(email: str, password: str) -> None:
        nonlocal shown_password
        shown_password = password
        print(f"email: {email}\npassword: {password}", flush=True)

    first_administrator(service, announce)
    url = settings.url(listener.getsockname()[1])

    def listening() -> None:
        try:
            print_trial(url, ADMINISTRATOR_EMAIL, shown_password)
        except OSError:  # nobody reads what is only an offer: the service runs all the same
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    run(make_app(service), listener, listening=listening)


def print_trial(url: str, email: str, password: str) -> None:
    """Print a login, a call, a refresh and a logout, to be pasted one after the other or together into a shell.

    The first start repeats the password that it has just shown, so that the lines work as they are. No later
    one knows it; asking for it would swallow the next line of those that are pasted together.
    """
    condition = "" if password else ", with your password in $PASSWORD"
    json = "-H 'Content-Type: application/json'"
    access = """$(expr "$TOKENS" : '.*"access_token":"\\([^"]*\\)"')"""
    print(f"daypass listens on {url} - try it{condition}:")
    login = f'-d email={email} --data-urlencode "password={password or "$PASSWORD"}"'
    print(f'TOKENS=$(curl -s {url}/v1/login {login}); echo "$TOKENS"')
    print(f"""curl -s {url}/v1/session -H "Authorization: Bearer {access}" -w '\\n'""")
    print(f'TOKENS=$(curl -s {url}/v1/refresh {json} -d "$TOKENS"); echo "$TOKENS"')
    print(f"""curl -s {url}/v1/logout {json} -d "$TOKENS" -w '%{{http_code}}\\n'""", flush=True)
