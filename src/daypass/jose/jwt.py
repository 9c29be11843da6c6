"""JWT, the facade: the names that callers use. Enters and leaves: see jwt_signed, jwt_encrypted, jwt_nested.

Source: RFC 7519 7.
"""

from __future__ import annotations

from daypass.jose.jwt_encrypted import decrypt, encrypt
from daypass.jose.jwt_nested import decrypt_then_verify, sign_then_encrypt
from daypass.jose.jwt_signed import sign, verify

__all__ = ["decrypt", "decrypt_then_verify", "encrypt", "sign", "sign_then_encrypt", "verify"]
