"""JOSE: signed tokens with JSON inside. RFC 7515 (JWS), 7517 (JWK), 7518 (JWA), 7519 (JWT).

Data flows upward: ``jwa`` knows algorithms and raw keys, ``header`` what a token says of itself, ``jwk`` and
``jwk_set`` bind a key to its algorithm, ``jws`` signs bytes, ``jwt`` signs claims. Source: RFC 7515 to 7519.
"""
