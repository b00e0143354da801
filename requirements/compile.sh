#!/bin/sh
# Writes the locks anew from pyproject.toml: every version pinned, every file by hash, no index address.
set -eu
cd "$(dirname "$0")/.."
uv="${UV:-.venv/bin/uv}"
lock() { "$uv" pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate -q "$@"; }
lock pyproject.toml --group build -o requirements/run.txt
lock pyproject.toml --group build --group dev -o requirements/dev.txt
printf 'uv\n' | lock - -c requirements/dev.txt -o requirements/bootstrap.txt
