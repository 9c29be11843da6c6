"""The targets, by name. Leaves: each one loaded when it is asked for, so that its imports can be instrumented."""

from __future__ import annotations

from importlib import import_module

from fuzz.target import Target

MODULES = {
    "jws": "jws_compact",
    "jws-json": "jws_json",
    "jwe": "jwe_compact",
    "jwe-json": "jwe_json",
    "jwt-encrypted": "jwt_encrypted",
    "jwk": "jwk",
    "pem": "pem",
    "claims": "claims",
    "inspect": "inspection",
    "paseto": "paseto_token",
    "paseto-claims": "paseto_claims",
    "paserk": "paserk",
}


def load(name: str) -> Target:
    """Load a target."""
    target: Target = import_module(f"fuzz.targets.{MODULES[name]}").TARGET
    return target
