"""Refresh tokens as text: whatever arrives, only a TokenError leaves."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.errors import InvalidSignature, MalformedToken, TokenError, TokenTooLarge, UnknownKey
from daypass.keyring.ring import KeyRing
from daypass.limits import REFRESH_TOKEN_BYTES_MAX
from daypass.sessions import Sessions
from daypass.sessions.refresh_token import is_sid, new_refresh_token, read_refresh_token, write_refresh_token
from daypass.stores.memory import MemoryStore

RING = KeyRing.in_memory(alg="HS256")
SESSIONS = Sessions(MemoryStore(), RING, issuer="i", audience="a")
GENUINE = SESSIONS.start("alice").refresh_token
BASE64URL = string.ascii_letters + string.digits + "-_"


def test_what_is_written_is_read() -> None:
    token = new_refresh_token(kid=RING.derive_kid(), generation=1234)
    text = write_refresh_token(token, RING)
    assert re.fullmatch(r"dpr1\.[\w-]+\.[\w-]{22}\.1234\.[\w-]{22}\.[\w-]{43}", text)
    assert read_refresh_token(text, RING) == token
    assert is_sid(token.sid)


def test_the_longest_token_fits() -> None:
    token = new_refresh_token(kid=RING.derive_kid(), generation=9_999_999_999)
    assert read_refresh_token(write_refresh_token(token, RING), RING) == token
    assert len("dpr1." + "k" * 64 + ".") + 23 + 11 + 23 + 43 <= REFRESH_TOKEN_BYTES_MAX


def test_a_secret_that_the_ring_does_not_have_writes_nothing() -> None:
    with pytest.raises(UnknownKey):
        write_refresh_token(new_refresh_token(kid="other"), RING)


def test_each_login_draws_anew() -> None:
    drawn = [new_refresh_token(kid="k") for _ in range(100)]
    assert len({token.sid for token in drawn} | {token.nonce for token in drawn}) == 200


@pytest.mark.parametrize("position", range(len(GENUINE)))
def test_a_change_anywhere_is_refused(position: int) -> None:
    for other in {"A", "B", "1", "0", ".", "-", "_", " ", "=", "é", "\n"} - {GENUINE[position]}:
        with pytest.raises(TokenError):
            read_refresh_token(GENUINE[:position] + other + GENUINE[position + 1 :], RING)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(".1.", ".01."),
        lambda text: text.replace(".1.", ".+1."),
        lambda text: text.replace(".1.", ".1_0."),
        lambda text: text.replace(".1.", ".\u0661."),
        lambda text: text.replace(".1.", ".0."),
        lambda text: text.replace(".1.", ".-1."),
        lambda text: text.replace(".1.", "." + "9" * 11 + "."),
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("dpr1", "dpr2"),
        lambda text: text + "." + "A" * 43,
    ],
)
def test_another_spelling_is_malformed(change: object) -> None:
    with pytest.raises(MalformedToken):
        read_refresh_token(change(GENUINE), RING)


def test_stray_bits_in_the_mac_are_no_second_spelling() -> None:
    last = GENUINE[-1]
    for other in BASE64URL:
        if other != last:
            with pytest.raises((MalformedToken, InvalidSignature)):
                read_refresh_token(GENUINE[:-1] + other, RING)


def test_a_token_that_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(TokenTooLarge):
        read_refresh_token("dpr1." + "A" * REFRESH_TOKEN_BYTES_MAX, RING)


parts = st.text(BASE64URL, max_size=70)
shaped = st.builds(
    lambda *values: ".".join(["dpr1", *values]),
    st.one_of(parts, st.just(RING.derive_kid())),
    st.one_of(parts, st.just(GENUINE.split(".")[2])),
    st.one_of(st.integers(-5, 10**12).map(str), parts),
    st.one_of(parts, st.just(GENUINE.split(".")[4])),
    st.one_of(parts, st.just(GENUINE.split(".")[5])),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A genuine token with a few characters replaced, added or removed."""
    text = GENUINE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 3)))
        text = text[:start] + draw(st.text(max_size=3)) + text[stop:]
    return text


@settings(max_examples=4000)
@given(st.one_of(st.text(), shaped, mutated(), st.text(max_size=3).map(lambda end: GENUINE + end)))
def test_whatever_text_arrives_only_a_token_error_leaves(text: str) -> None:
    if text == GENUINE:
        return
    for act in (SESSIONS.refresh, SESSIONS.verify):
        with pytest.raises(TokenError):
            act(text)


def test_all_that_text_ended_nothing() -> None:
    assert SESSIONS.refresh(GENUINE).session.subject == "alice"
