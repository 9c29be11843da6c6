"""JWS, the facade: the names that callers use, of both serializations. Enters and leaves: see jws_compact, jws_json.

Source: RFC 7515 7.
"""

from __future__ import annotations

from daypass.jose.jws_compact import VerifiedJWS, VerifiedSignature, sign, verify
from daypass.jose.jws_json import Signer, sign_json, verify_json

__all__ = ["Signer", "VerifiedJWS", "VerifiedSignature", "sign", "sign_json", "verify", "verify_json"]
