"""DER as an attacker writes it: the outside of encrypted keys, with any number of rounds. Source: RFC 8018 A."""


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(length)]) + length) + body


def number(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


AES = der(0x30, bytes.fromhex("060960864801650304012a"), der(0x04, bytes(16)))
SALT = der(0x04, bytes(8))


def pbes2(*kdf: bytes) -> bytes:
    scheme = der(0x30, bytes.fromhex("06092a864886f70d01050d"), der(0x30, der(0x30, *kdf), AES))
    return der(0x30, scheme, der(0x04, bytes(48)))


def pbkdf2(rounds: int, *length: bytes) -> bytes:
    prf = der(0x30, bytes.fromhex("06082a864886f70d02090500"))
    return pbes2(bytes.fromhex("06092a864886f70d01050c"), der(0x30, SALT, number(rounds), *length, prf))


def scrypt(n: int, r: int, p: int) -> bytes:
    return pbes2(bytes.fromhex("06092b06010401da47040b"), der(0x30, SALT, number(n), number(r), number(p)))


def pbes1(rounds: int) -> bytes:
    scheme = der(0x30, bytes.fromhex("060a2a864886f70d010c0103"), der(0x30, SALT, number(rounds)))
    return der(0x30, scheme, der(0x04, bytes(48)))
