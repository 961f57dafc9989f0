#!/bin/sh
# Prints the Python to make the environment with: $PYTHON where it is set, else the first that will do.
# Invariant: stdout carries that one line only.
set -u

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set -- python3.11 python3 python3.12 python3.13 python3.14 /usr/bin/python3.11 /usr/bin/python3
fi

for python; do
    if fits "$python"; then
        # Not that of an active environment, which may be the one to be made anew: the one behind it.
        "$python" -c 'import os, sys; base = getattr(sys, "_base_executable", "") or sys.executable
print(base if os.path.exists(base) else sys.executable)'
        exit 0
    fi
done

{
    echo "No usable Python found (tried: $*)."
    echo "splitter needs Python 3.11 or newer with its venv and ensurepip modules."
    echo "On Debian and Ubuntu: apt-get install python3 python3-venv"
    echo "An interpreter that is not on PATH: make PYTHON=/path/to/python3.11"
} >&2
exit 1
