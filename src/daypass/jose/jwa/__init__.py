"""JSON Web Algorithms as frozen tables over raw keys. Nothing is registered at run time. Source: RFC 7518."""
