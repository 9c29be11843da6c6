"""Every bound of daypass, with its unit in the name. Floor: imports nothing of ours.

A bound is checked before the work that it bounds. Where a caller may widen one, the function that takes the
keyword says so; nothing here is changed at run time.
"""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------------------------------------------- tokens
TOKEN_BYTES_MAX: Final = 1024 * 1024
"""A JWS, JWE or PASETO, as text."""
JWT_BYTES_MAX: Final = 16 * 1024
"""A JWT, as text; a verifier takes a wider bound by keyword."""
COOKIE_BYTES_MAX: Final = 4096
"""Name, value and attributes of one cookie: browsers drop longer ones without a word."""
HEADER_BYTES_MAX: Final = 8 * 1024
"""A protected header, still encoded."""
KID_BYTES_MAX: Final = 1024
"""A key id, in a header or a key."""
SIGNATURES_MAX: Final = 64
"""Signatures of a JWS in JSON serialization."""
HEADERS_REMEMBERED_MAX: Final = 64
"""Distinct headers that one verifier keeps the checked result of."""
RECIPIENTS_MAX: Final = 64
"""Recipients of a JWE in JSON serialization."""
PLAINTEXT_BYTES_MAX: Final = 256 * 1024
"""What a compressed JWE may hold once it is inflated."""
INFLATED_RATIO_MAX: Final = 100
"""So many times its compressed size may a plaintext have, beyond INFLATED_BYTES_FREE."""
INFLATED_BYTES_FREE: Final = 16 * 1024
"""A plaintext of up to this size may have compressed to any size."""
PBES2_COUNT_MIN: Final = 1000
"""Iterations from a password to a key. Source: RFC 7518 4.8.1.2."""
PBES2_COUNT_DEFAULT: Final = 600_000
"""Source: OWASP Password Storage Cheat Sheet, PBKDF2."""
PBES2_COUNT_MAX: Final = 1_000_000
"""Iterations for one token, all its recipients together: about half a second."""
PBES2_SALT_BYTES: Final = 16
"""Of a salt that is made here."""
PBES2_SALT_BYTES_MIN: Final = 8
"""Source: RFC 7518 4.8.1.1."""
PBES2_SALT_BYTES_MAX: Final = 1024
"""A salt that somebody else made."""
FOOTER_BYTES_MAX: Final = 8 * 1024
"""The footer of a PASETO, decoded. Source: PASETO 02-Implementation-Guide/01-Payload-Processing."""
FOOTER_MEMBERS_MAX: Final = 64
"""Members of a footer that is a JSON object; none of them holds an object or array itself."""
CACHED_TOKEN_BYTES_MAX: Final = 2 * 1024
"""The longest token that a verification cache keeps."""
CACHED_VALUES_MAX: Final = 64
"""Values that it keeps as objects, those in lists and objects too; claims with more are kept as JSON."""

# -------------------------------------------------------------------------------------------------- claims
NUMERIC_DATE_MAX: Final = 253_402_300_800
"""Epoch seconds of the year 10000, exclusive: what a datetime can still say. Source: RFC 7519 2."""
LEEWAY_S_MAX: Final = 300
"""Clock skew that may be forgiven, in seconds."""

# ---------------------------------------------------------------------------------------------- inspection
ADVISED_ACCESS_LIFETIME_S_MAX: Final = 86_400
"""An access token (at+jwt) that lives longer gets a warning: for so long a stolen one works."""
ADVISED_LIFETIME_S_MAX: Final = 7 * 86_400
"""Any other token that lives longer gets a warning."""
INSPECTED_PARTS_MAX: Final = 64
"""Signatures or recipients of one token that an inspection looks at."""
INSPECTED_VALUES_MAX: Final = 10_000
"""Values of a header or of claims, nested ones too, that are searched for personal data."""
FINDINGS_MAX: Final = 100
"""What one inspection reports."""
PERSONAL_FINDINGS_MAX: Final = 20
"""Places with personal data that one inspection names."""

# ---------------------------------------------------------------------------------------------------- keys
KEY_TEXT_BYTES_MAX: Final = 256 * 1024
"""A key as JSON or PEM."""
KEY_DERIVATION_COUNT_MAX: Final = 10_000_000
"""Rounds from the password of an encrypted key to its key, about a second; of scrypt 8 * N * r * p, and 160 MB."""
CERTIFICATES_MAX: Final = 10
"""Certificates of one key: itself and a chain."""
KEY_SET_BYTES_MAX: Final = 16 * 1024 * 1024
"""A JWK Set as JSON."""
PASETO_KEY_TEXT_BYTES_MAX: Final = 4 * 1024
"""A key of PASETO as PEM or DER: the largest is RSA of 4,096 bits."""
PASERK_BYTES_MAX: Final = 16 * 1024
"""A PASERK, as text."""
ARGON2_MEMORY_BYTES_DEFAULT: Final = 64 * 1024 * 1024
"""Memory from a password to a wrapped key. Source: RFC 9106 4, second recommendation."""
ARGON2_PASS_COUNT_DEFAULT: Final = 3
"""Source: RFC 9106 4."""
ARGON2_MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
"""What a PASERK that somebody else made may ask for."""
ARGON2_PASS_COUNT_MAX: Final = 16
"""Passes over that memory, the same."""
ARGON2_WORK_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Memory times passes, the same: less than two seconds."""
PASERK_PBKDF2_COUNT_MAX: Final = 5_000_000
"""Rounds of PBKDF2, the same."""
ARGON2_LANES_MAX: Final = 16
"""Lanes, the same."""
SECRET_BYTES_MAX: Final = 8 * 1024
"""A symmetric key."""
SECRET_BYTES_MIN: Final = 32
"""A secret that a ring or a service derives keys from."""
RING_BYTES_MAX: Final = 1024 * 1024
"""A key ring as JSON: some thousand keys."""
RING_LOCK_WAIT_S_MAX: Final = 10
"""How long, in seconds, a change of a key ring waits for another one."""
SCHEDULE_S_MAX: Final = 10 * 366 * 86_400
"""Each time of a rotation schedule, in seconds."""
PREPARED_PER_KEY_MAX: Final = 64
"""Prepared verifiers and signers that one key keeps."""
RSA_MODULUS_BITS_MIN: Final = 2048
"""Source: RFC 7518 3.3."""
RSA_MODULUS_BITS_MAX: Final = 16_384
"""A verification costs the square of this."""
RSA_EXPONENT_BITS_MAX: Final = 64
"""What OpenSSL accepts beside a large modulus."""

# ------------------------------------------------------------------------------------------------ sessions
REFRESH_TOKEN_BYTES_MAX: Final = 512
"""A refresh token, as text."""
REFERENCE_BYTES_MAX: Final = 16 * 1024
"""What a reference token stands for, sealed: no more than a JWT may say, and less than any store's bound."""
CACHED_S_MAX: Final = 30 * 86_400
"""How long memcached may keep something, in seconds: it reads a longer time as a date."""
ROTATIONS_REMEMBERED: Final = 4
"""Rotations whose time a session row keeps; a further one inside one grace window is not made."""
SUBJECT_BYTES_MAX: Final = 255
"""A subject, as UTF-8."""
DEVICE_CHARACTERS_MAX: Final = 200
"""A device label; a longer one is cut."""
REFRESH_GENERATION_DIGITS_MAX: Final = 10
"""The number of a refresh token: four rotations in a second, for as long as a session may last, stay below."""
PURGED_AFTER_S: Final = 86_400
"""How long a store keeps a session after the last moment at which it mattered, in seconds: a clock may be wrong."""
PURGED_AT_ONCE_MAX: Final = 1000
"""Sessions that one clean-up removes."""
SESSIONS_PER_SUBJECT_MAX: Final = 10_000
"""The highest cap on the sessions of one subject."""

# ----------------------------------------------------------------------------------------- web and service
CONNECTIONS_MAX: Final = 500
"""Connections that the service keeps open; fewer where the process may not open twice as many files."""
REQUEST_BODY_BYTES_MAX: Final = 64 * 1024
"""A request body."""
FORM_FIELDS_MAX: Final = 32
"""Fields of an urlencoded form."""
EMAIL_BYTES_MAX: Final = 254
"""An e-mail address, normalised, as UTF-8. Source: RFC 5321 4.5.3.1.3, less the angle brackets."""
PASSWORD_CHARACTERS_MIN: Final = 15
"""Without a second factor. Source: OWASP Authentication Cheat Sheet, NIST SP 800-63B-4 3.1.1.2."""
PASSWORD_BYTES_MAX: Final = 1024
"""A password, as UTF-8: room for any passphrase, and a bound for the work on one."""
ROLE_CHARACTERS_MAX: Final = 64
"""The name of a role."""
ROLES_PER_ACCOUNT_MAX: Final = 32
"""Every access token carries all of them."""
LOGINS_WAITING_MAX: Final = 16
"""Password checks that wait for their turn; one more is refused."""
