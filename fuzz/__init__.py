"""Fuzzing: strangers' bytes by the million, and an independent judge of what daypass says to them.

``make fuzz`` starts one process for each target (``fuzz.targets``), side by side and for a bounded time. A target makes
seeds, changes an input by its structure (so that what lies behind base64, signature and tag is reached), and holds the
answer of daypass against a judge that shares no code with it. tests/test_fuzz.py runs the same targets without atheris.
"""
