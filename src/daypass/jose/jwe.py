"""JWE, the facade: the names that callers use, of both serializations. Enters and leaves: see jwe_compact, jwe_json.

Source: RFC 7516 7.
"""

from __future__ import annotations

from daypass.jose.jwe_compact import decrypt, encrypt
from daypass.jose.jwe_json import Recipient, decrypt_json, encrypt_json
from daypass.jose.jwe_message import DecryptedJWE

__all__ = ["DecryptedJWE", "Recipient", "decrypt", "decrypt_json", "encrypt", "encrypt_json"]
