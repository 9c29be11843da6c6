"""The command line: one module a command group.

Needs ``pip install "daypass[cli]"``, and the extra of what a command is about: ``server``, or that of a store.
Enters: words and, for passwords, a prompt or the standard input; never a secret as a word. Leaves: text on the standard
output; what went wrong as one line on the standard error, with an exit code of ``exit_codes``.
"""
