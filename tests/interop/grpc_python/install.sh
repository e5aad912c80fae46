#!/usr/bin/env bash
# Makes a Python environment under target/ with what requirements.txt names, unless the very same is there.
set -euo pipefail
cd "$(dirname "$0")/../../.."

wanted=$PWD/tests/interop/grpc_python/requirements.txt
python=${CARGO_TARGET_DIR:-target}/python
if ! cmp --silent "$wanted" "$python/requirements.txt"; then
    echo "installing: a Python environment in $python" >&2
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
    cp "$wanted" "$python/requirements.txt"
fi
