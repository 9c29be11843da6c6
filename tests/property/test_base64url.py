"""base64url: one spelling for some bytes, the naive strict decoder being the judge."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daypass.encoding import b64url_decode, b64url_encode
from daypass.errors import MalformedToken

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BITS = {letter: f"{number:06b}" for number, letter in enumerate(ALPHABET)}


def naive(data: bytes) -> bytes | None:
    """Decode bit by bit; None for whatever is not canonical."""
    if len(data) % 4 == 1 or not all(letter in BITS for letter in data):
        return None
    bits = "".join(BITS[letter] for letter in data)
    whole = len(bits) - len(bits) % 8
    return None if "1" in bits[whole:] else bytes(int(bits[i : i + 8], 2) for i in range(0, whole, 8))


def ours(data: bytes) -> bytes | None:
    try:
        return b64url_decode(data)
    except MalformedToken:
        return None


def encoded(raw: bytes) -> bytes:
    return b64url_encode(raw).encode()


@given(st.binary(max_size=200))
def test_what_is_encoded_is_decoded(raw: bytes) -> None:
    assert ours(encoded(raw)) == naive(encoded(raw)) == raw


NEARLY = st.lists(st.sampled_from(ALPHABET + b'+/= \r\n\t"\\u0\0\x7f\x80\xff.,!'), max_size=24).map(bytes)
MUTATED = st.tuples(st.binary(min_size=1, max_size=60).map(encoded), st.integers(0, 80), st.binary(max_size=2)).map(
    lambda it: it[0][: it[1]] + it[2] + it[0][it[1] + len(it[2]) :]
)


@given(st.binary(max_size=24) | NEARLY | MUTATED)
@settings(max_examples=2000)
@example(b"QQ==")
@example(b"QR")
@example(b"QUJ")
@example(b'QQ"')
@example(b"\\u0041AAA")
def test_it_agrees_with_the_naive_decoder(data: bytes) -> None:
    """RFC 7515 2, RFC 4648 3.5: no padding, no other alphabet, no stray bits."""
    assert ours(data) == naive(data)


def test_it_agrees_on_every_short_input() -> None:
    for first in range(256):
        assert ours(bytes([first])) == naive(bytes([first]))
        for last in range(256):
            for data in (bytes([first, last]), b"A" + bytes([first, last]), b"AAA" + bytes([first, last])):
                assert ours(data) == naive(data)


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_two_texts_for_the_same_bytes_do_not_exist(one: bytes, other: bytes) -> None:
    if ours(one) is not None and ours(one) == ours(other):
        assert one == other
    if (raw := ours(one)) is not None:
        assert encoded(raw) == one
