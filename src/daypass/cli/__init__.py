"""The command line: one module a command group. Needs ``pip install "daypass[cli,server]"``.

Enters: words and, for passwords, a prompt or the standard input; never a secret as a word. Leaves: text on
the standard output; what went wrong as one line on the standard error, with exit code 1.
"""
