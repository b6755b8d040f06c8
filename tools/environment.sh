#!/bin/sh
# Make .venv: the newest Python that serves, the locked packages, and this project, editable.
# A stamp says from what it was made, so that the second run ends at once.
set -eu
cd "$(dirname "$0")/.."

wanted=requirements/dev.txt
stamp=.venv/made-from

# What the environment depends on: the lock, the project's own metadata, and this script.
state() {
    cat "$wanted" pyproject.toml tools/environment.sh | sha256sum | cut -d ' ' -f 1
}

if [ "$(cat "$stamp" 2>/dev/null)" = "$(state)" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

say() {
    printf 'coldwatch: %s\n' "$*" >&2
}

# Whether $1 is a Python of 3.11 or newer with all of the standard library that we need. A name on
# PATH proves nothing: version managers leave names there that only say that they are not set up.
serves() {
    "$1" -c 'import sys
if sys.version_info < (3, 11): sys.exit(1)
import ctypes, sqlite3, ssl, venv, zlib' >/dev/null 2>&1
}

# Debian keeps ensurepip, without which a virtual environment has no pip, in a package of its own.
has_pip() {
    "$1" -c 'import ensurepip' >/dev/null 2>&1
}

# The newest Python with ensurepip, else the newest without.
find_python() {
    bare=
    for name in ${COLDWATCH_PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        serves "$name" || continue
        if has_pip "$name"; then
            echo "$name"
            return
        fi
        bare=${bare:-$name}
    done
    echo "$bare"
}

python=$(find_python)
if [ -z "$python" ]; then
    have=$(python3 --version 2>/dev/null || echo 'no python3 at all')
    say "no Python 3.11 or newer with venv, ssl and sqlite3 was found (there is $have);" \
        'install one (Debian 12: apt-get install python3 python3-venv), or name it:' \
        'make COLDWATCH_PYTHON=/path/to/python3.12'
    exit 1
fi

if ! has_pip "$python"; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    tools/system-packages.sh --install "$package" python3-venv || true
    if ! has_pip "$python"; then
        say "$python has no ensurepip; run: sudo apt-get install $package"
        exit 1
    fi
fi

say "making .venv with $("$python" --version), once; this takes about a minute"
rm -f "$stamp"
# An environment of another Python, or one whose folder was moved, cannot be mended.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 ||
    [ "$(.venv/bin/python -c 'import sys; print(sys.version)')" != \
        "$("$python" -c 'import sys; print(sys.version)')" ]; then
    rm -rf .venv
    "$python" -m venv .venv
fi
install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input "$@"
}
# Every file is checked against its hash; then the project itself, built by the locked hatchling.
install --require-hashes --requirement "$wanted"
install --no-deps --no-build-isolation --editable .
state >"$stamp"
say 'the environment is ready'
