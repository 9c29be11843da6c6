"""What ``Sessions.verify`` adds to ``Verifier.verify``, counted in bytecodes: no noise, the same on every machine."""

import sys
from types import FrameType

from daypass.keyring.ring import KeyRing
from daypass.sessions import Sessions, principals
from daypass.stores.memory import MemoryStore

# One is the NOP of the try that keeps tokens out of frames; 3.13 counts calls and locals differently.
BYTECODES_MAX = 101 if sys.version_info < (3, 13) else 111


def test_what_sessions_add_to_a_verification_stays_small() -> None:
    sessions = Sessions(MemoryStore(), KeyRing.in_memory(alg="HS256"), issuer="i", audience="a")
    token = sessions.start("alice", scopes=("read", "write"), roles=("admin",), data={"tenant": 1}).access_token
    sessions.verify(token)
    counted = 0

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        nonlocal counted
        if frame.f_code.co_filename != principals.__file__:
            return None
        frame.f_trace_opcodes = True
        counted += event == "opcode"
        return trace

    before = sys.gettrace()
    for _ in range(2):  # the first traced call of a process may count nothing
        counted = 0
        sys.settrace(trace)
        try:
            sessions.verify(token)
        finally:
            sys.settrace(before)
    sessions.close()
    assert 0 < counted <= BYTECODES_MAX
