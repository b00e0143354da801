#!/bin/sh
# mypy, strict, over src and every folder of tests. Folders of tests are checked one by one, because each has modules of
# its own (conftest.py above all) whose names another has too.
set -eu
cd "$(dirname "$0")/.."
mypy=.venv/bin/mypy
status=0
MYPYPATH=src:tests:tests/journey:tests/kubernetes:tests/server:tests/webhook "$mypy" src bench demo || status=1

shared=src:tests:tests/identity:tests/server:tests/storage:tests/knowledge:tests/scan/catalogers:tests/scan/engine:tests/scan/secrets:tests/journey
for folder in $(find tests -name '*.py' -not -path '*/__pycache__/*' -exec dirname {} \; | sort -u); do
    MYPYPATH=$shared "$mypy" --no-error-summary "$folder"/*.py || status=1
done
exit $status
