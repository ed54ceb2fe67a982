#!/bin/sh
# Makes .venv what the lock files say: `scripts/bootstrap.sh` for running, `scripts/bootstrap.sh dev` for working on it.
# Does nothing when the locks are the ones it installed last.
set -eu
cd "$(dirname "$0")/.."

mode="${1:-run}"
locks="requirements.lock"
[ "$mode" = dev ] && locks="requirements.lock requirements-dev.lock"
stamp=".venv/.installed-$mode"
uv_version="0.13.9"

find_python() {
    for name in ${PYTHON:-} python3.14 python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Flywheel needs Python 3.11 or newer, and found none. Install it, or name it: make up PYTHON=/path/to/python3" >&2
    exit 1
}

make_environment() {
    [ -x .venv/bin/python ] && return
    python="$(find_python)"
    echo "Creating the Python environment in .venv ($("$python" --version))."
    rm -rf .venv
    "$python" -m venv .venv 2>/dev/null || "$python" -m venv --without-pip .venv || {
        echo "Python can't create environments here; install its venv module (Debian: apt-get install python3-venv)." >&2
        exit 1
    }
}

find_uv() {
    # uv installs everything in seconds. It is kept out of the environment, which holds what is locked and nothing else.
    if command -v uv >/dev/null 2>&1; then
        command -v uv
    elif [ -x .venv/tools/bin/uv ]; then
        echo .venv/tools/bin/uv
    elif .venv/bin/python -m pip install --quiet --disable-pip-version-check --target .venv/tools "uv==$uv_version" >/dev/null 2>&1; then
        echo .venv/tools/bin/uv
    fi
}

install_locks() {
    arguments=""
    for lock in $locks; do arguments="$arguments -r $lock"; done
    uv="$(find_uv)"
    # --no-deps: the locks are complete, and one package's declared dependencies are left out on purpose
    if [ -n "$uv" ]; then
        # shellcheck disable=SC2086
        "$uv" pip install --quiet --python .venv/bin/python --no-deps --require-hashes $arguments
    elif .venv/bin/python -m pip --version >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes $arguments
    else
        echo "Neither uv nor pip is there to install packages; install one of them (Debian: apt-get install python3-venv)." >&2
        rm -rf .venv
        exit 1
    fi
}

make_environment
# shellcheck disable=SC2086
fingerprint="$(cat $locks | cksum)"
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$fingerprint" ]; then
    echo "Installing the locked packages."
    install_locks
    echo "$fingerprint" >"$stamp"
fi
