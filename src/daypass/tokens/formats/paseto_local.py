"""Formats ``paseto-v4-local`` and ``paseto-v3-local``: claims, encrypted. Enters: keys. Leaves: functions.

Source: PASETO 01-Protocol-Versions/Version3, Version4.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from daypass.claims import Claims
from daypass.paseto import v3, v4
from daypass.paseto.keys import LocalKey
from daypass.paseto.message import opener_of, sealer_of
from daypass.paseto.token_text import join_token, split_token
from daypass.tokens.format import Expected, Format, Seal, Shared, Verify, demand_keys
from daypass.tokens.formats.paseto_claims import (
    KeysByFooter,
    claims_reader,
    demand_version,
    footer_of,
    paseto_format,
)

__all__ = ["FORMATS"]

_PROTOCOLS: Final = {3: v3.LOCAL, 4: v4.LOCAL}
_NO_ASSERTION: Final = b""


def _format(name: Literal["paseto-v3-local", "paseto-v4-local"], version: Literal[3, 4]) -> Format:
    protocol = _PROTOCOLS[version]
    wanted = f"format '{name}' takes LocalKeys of version {version}"

    def sealer(key: Any, _shared: Shared, begun: bytes, _second: object) -> tuple[Seal, bytes]:  # noqa: ANN401
        demand_keys(key, LocalKey, wanted)
        demand_version(key, version, wanted)
        encrypt, footer = sealer_of(key), footer_of(key)

        def seal(payload: bytes) -> str:
            return join_token(protocol.header, encrypt(payload, footer, _NO_ASSERTION), footer)

        return seal, begun

    def verifier(keys: Any, expected: Expected, _second: object) -> Verify:  # noqa: ANN401
        demand_keys(keys, LocalKey, wanted)
        demand_version(keys, version, wanted)
        by_footer = KeysByFooter(keys, opener_of)
        header, bytes_max, known, read = protocol.header, expected.bytes_max, by_footer.known, claims_reader(expected)

        def verify(token: str) -> Claims:
            sealed, segment = split_token(token, header, bytes_max)
            footer, open_token = known.get(segment) or by_footer.choose(segment)
            payload = open_token(sealed, footer, _NO_ASSERTION)
            if segment not in known:
                by_footer.remember(segment, footer, open_token)
            return read(payload)

        return verify

    def is_for(key: object) -> bool:
        return isinstance(key, LocalKey) and key.version == version

    return paseto_format(name, is_for=is_for, sealer=sealer, verifier=verifier)


FORMATS: Final = {
    "paseto-v3-local": _format("paseto-v3-local", 3),
    "paseto-v4-local": _format("paseto-v4-local", 4),
}
