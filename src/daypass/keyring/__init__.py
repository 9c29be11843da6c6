"""The key ring: keys that follow each other without logging anyone out, and where they are kept.

``daypass.keyring.ring.KeyRing`` is what the other rooms use; ``schedule.RotationSchedule`` says how long a
key lives on; ``storage.RingStorage`` is the port that ``file``, ``environment``, ``memory`` and the stores
implement.
"""
