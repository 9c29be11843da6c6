"""The format-neutral layer: what issues and verifies tokens, built once and called often.

Source: RFC 9068; RFC 8725.
"""
