#!/bin/sh
# usage: make-venv.sh DIRECTORY [PYTHON]
# Makes DIRECTORY a virtual environment of PYTHON, or of the first Python >= 3.11 found here.
# One that is there, works, and is of the PYTHON asked for stays as it is, without a word.
set -eu
venv=$1
wanted=${2:-}

fail() {
    echo "daypass: $1" >&2
    exit 1
}

works() { # $1 runs and is Python >= 3.11
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

has_venv() { # a distribution may ship Python without the part that makes environments
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

identity() { # two names of one interpreter say the same here, also from inside an environment of it
    "$1" -c 'import os, sys; print(os.path.realpath(sys.base_prefix), sys.version)' 2>/dev/null
}

if [ -n "$wanted" ]; then
    works "$wanted" || fail "PYTHON=$wanted is not a Python >= 3.11 that runs here"
    has_venv "$wanted" || fail "$wanted has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"
    python=$wanted
    if [ -x "$venv/bin/python" ] && [ "$(identity "$venv/bin/python")" = "$(identity "$python")" ]; then
        exit 0
    fi
else
    if [ -x "$venv/bin/python" ] && works "$venv/bin/python"; then
        exit 0
    fi
    python=
    crippled=
    for candidate in python3.13 python3.12 python3.11 python3 python3.14 python; do
        if works "$candidate"; then
            if has_venv "$candidate"; then
                python=$candidate
                break
            fi
            crippled=${crippled:-$candidate}
        fi
    done
    if [ -z "$python" ]; then
        if [ -n "$crippled" ]; then
            fail "$crippled has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"
        fi
        fail "no Python >= 3.11 found: install one, or name it: make PYTHON=/path/to/python3.11 ..."
    fi
fi

"$python" -m venv --clear "$venv" || fail "$python could not make an environment in $venv"
