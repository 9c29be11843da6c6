"""The key ring: keys that follow each other without logging anyone out, and where they are kept.

Enters: a place, and a master key where others keep it. Leaves: keys, and when each is used.
``KeyRing`` is what the other rooms use; ``RotationSchedule`` says how long a key lives on; ``storage.RingStorage`` is
the port that ``file``, ``environment``, ``memory`` and the stores implement; ``master_key_from_env`` reads the key
under which a store keeps a ring.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daypass.keyring.master_key import master_key_from_env as master_key_from_env
    from daypass.keyring.ring import KeyRing as KeyRing
    from daypass.keyring.schedule import RotationSchedule as RotationSchedule

__all__ = ["KeyRing", "RotationSchedule", "master_key_from_env"]

_MODULES: Final = {"KeyRing": "ring", "RotationSchedule": "schedule", "master_key_from_env": "master_key"}


def __getattr__(name: str) -> object:
    """Import what is asked for: who needs the port alone does not pay for the primitives."""
    if name in _MODULES:
        return getattr(import_module(f"daypass.keyring.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'daypass.keyring' has no attribute {name!r}")
