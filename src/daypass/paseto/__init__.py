"""PASETO: tokens whose version fixes every algorithm, and PASERK, the keys for them as text.

``encrypt decrypt sign verify`` take bytes, the same words with ``_claims`` take claims, ``paserk`` writes and reads
keys. What stands behind them, from the top down::

    claims_token payload        claims: their policy; JSON with times as RFC 3339
    message      token_text     bytes; header, payload and footer of a stranger's text, bounded
    paserk       paserk_*       keys as text: plain, wrapped, under a password, sealed, and their ids
    v1 v2 v3 v4                 two protocols each: local (encrypted) and public (signed)
    keys         key_material   typed by version and purpose; every check of them
    encrypt_then_mac            what local is in v1, v3 and v4
    pae  protocol               what is authenticated; the form of a protocol
    xchacha20  aes_ctr  ed25519 the primitives, out of cryptography, PyNaCl and hashlib

A module imports only what stands below it (``.importlinter``).
"""

from daypass.paseto import paserk
from daypass.paseto.claims_token import decrypt_claims, encrypt_claims, sign_claims, verify_claims
from daypass.paseto.keys import LocalKey, PublicKey, SecretKey
from daypass.paseto.message import OpenedToken, decrypt, encrypt, sign, verify

__all__ = [
    "LocalKey",
    "OpenedToken",
    "PublicKey",
    "SecretKey",
    "decrypt",
    "decrypt_claims",
    "encrypt",
    "encrypt_claims",
    "paserk",
    "sign",
    "sign_claims",
    "verify",
    "verify_claims",
]
