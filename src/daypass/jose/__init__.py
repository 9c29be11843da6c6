"""JOSE: signatures, encryption, keys and tokens (RFC 7515 to 7519), one module for each noun of the RFCs.

Callers use four facades, ``jws``, ``jwe``, ``jwk`` and ``jwt``; what stands behind them, from the top down::

    jwt      jwt_signed  jwt_encrypted  jwt_nested      claims, in one layer or two
             jwt_verifier                               the compiled road from a token to its claims
    jws jwe  jws_compact  jws_json  jwe_compact  jwe_json
             jwe_message  jwe_sender  jwe_header        one road to a plaintext; what is written; what is allowed
             compact_serialization  json_serialization  a stranger's text, bounded and split
             key_choice  key_use                        which key and algorithm a header may select; what a key may do
    jwk      jwk_set  jwk                               a key that knows its one algorithm; keys by name
             key_formats  certificate  pkcs12           PEM, DER, OpenSSH, X.509, PKCS #12 ...
             key_diagnosis  key_as_secret               ... and what a text is that is none of them
             jwk_members  jwk_generate  key_rules       members of a JWK; new keys; alg, use and key_ops
             raw_key                                    key material, and every check of it
             concealed_members  der  header             members that show nothing; DER; header parameters
             jwa                                        the algorithms: three frozen tables over raw keys

A module imports only what stands below it (``.importlinter``).
"""
