"""DER as a tree, so that a change at some depth leaves the lengths around it right.

Enters: bytes. Leaves: nodes, and bytes again; ValueError where they are no DER.
"""

from __future__ import annotations

import msgspec

from fuzz.chance import Chance

DEPTH_MAX = 12
CONSTRUCTED = 0x20
OCTET_STRING, BIT_STRING = 4, 3
INTEGERS = (
    b"\0",
    b"\1",
    b"\xff",
    b"\0\xff",
    b"\x7f",
    b"\x80",
    b"\x7f\xff\xff\xff",
    b"\0\x80\0\0\0",
    b"\x01\0\x01",
    bytes(9),
)
TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA1, 0xA3)


class Node(msgspec.Struct):
    """One element.

    Args:
        tag: one octet.
        content: of a primitive element.
        children: of a constructed one, and of a string that holds DER.
        unused: the octet before the children of a BIT STRING.
    """

    tag: int
    content: bytes = b""
    children: list[Node] | None = None
    unused: bytes = b""


def parse(raw: bytes, depth: int = 0) -> list[Node]:
    """Read elements up to the end. Raises ValueError."""
    nodes, at = [], 0
    while at < len(raw):
        if at + 2 > len(raw) or depth > DEPTH_MAX:
            raise ValueError("no DER")
        tag, length, begin = raw[at], raw[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, begin = int.from_bytes(raw[begin : begin + count], "big"), begin + count
        end = begin + length
        if end > len(raw):
            raise ValueError("no DER")
        nodes.append(_node(tag, raw[begin:end], depth))
        at = end
    return nodes


def _node(tag: int, content: bytes, depth: int) -> Node:
    if tag & CONSTRUCTED:
        return Node(tag, children=parse(content, depth + 1))
    if tag in (OCTET_STRING, BIT_STRING) and len(content) > 2:
        unused = content[:1] if tag == BIT_STRING else b""
        try:
            return Node(tag, children=parse(content[len(unused) :], depth + 1), unused=unused)
        except ValueError:
            pass
    return Node(tag, content)


def encode(nodes: list[Node]) -> bytes:
    """Write elements."""
    return b"".join(_encode(node) for node in nodes)


def _encode(node: Node) -> bytes:
    content = node.content if node.children is None else node.unused + encode(node.children)
    if len(content) < 128:
        return bytes([node.tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([node.tag, 0x80 | len(length)]) + length + content


def flat(nodes: list[Node]) -> list[Node]:
    """All elements, the outer ones first."""
    return [one for node in nodes for one in (node, *flat(node.children or []))]


def mutate(raw: bytes, chance: Chance) -> bytes:
    """Change one element at some depth. Raises ValueError."""
    nodes = parse(raw)
    node = chance.pick(flat(nodes) or [Node(5)])
    kind = chance.random.randrange(6)
    if kind == 0:
        node.tag = chance.pick(TAGS)
    elif node.children is None:
        if node.tag == 2 and kind < 3:
            node.content = chance.pick(INTEGERS)
        else:
            node.content = chance.fixed_size(node.content)
    elif kind == 1 and node.children:
        node.children.insert(chance.random.randrange(len(node.children) + 1), chance.pick(flat(nodes)))
        if len(encode_safely(nodes)) > 2 * len(raw) + 64:
            raise ValueError("an element in itself")
    elif kind == 2 and node.children:
        del node.children[chance.random.randrange(len(node.children))]
    elif kind == 3:
        chance.random.shuffle(node.children)
    elif kind == 4:
        node.unused = chance.pick((b"", b"\0", b"\1", b"\7", b"\x08"))
    else:
        node.content, node.children = chance.octets(encode(node.children)), None
    return encode_safely(nodes)


def encode_safely(nodes: list[Node]) -> bytes:
    """Write elements. Raises ValueError where one holds itself."""
    try:
        return encode(nodes)
    except RecursionError:
        raise ValueError("an element in itself") from None
