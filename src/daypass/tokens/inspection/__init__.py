"""Looking at a token without verifying it: ``jose`` and ``paseto`` read their formats, the rest finds faults.

Source: DESIGN.md 2 (reading without verifying); RFC 8725; PASETO Common.
"""

from daypass.tokens.inspection.findings import Finding as Finding
from daypass.tokens.inspection.findings import Severity as Severity
from daypass.tokens.inspection.inspector import inspect_token as inspect_token
from daypass.tokens.inspection.unverified import UnverifiedHeader as UnverifiedHeader
from daypass.tokens.inspection.unverified import UnverifiedToken as UnverifiedToken

__all__ = ["Finding", "Severity", "UnverifiedHeader", "UnverifiedToken", "inspect_token"]
