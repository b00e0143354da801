#!/bin/sh
# mypy, strict, over src and every folder of tests: all at once, because each run reads what it knows of src anew.
set -eu
cd "$(dirname "$0")/.."
mypy=.venv/bin/mypy
status=0
MYPYPATH=src:$(find tests -name '*.py' -printf '%h\n' | sort -u | paste -s -d :)
export MYPYPATH
# shellcheck disable=SC2046 - a list of names
"$mypy" src bench demo $(find tests -name '*.py' -not -name conftest.py) || status=1

# A module's name is there once: those of the folders that all have one are told apart by links.
links=.mypy_cache/conftest
rm -rf "$links"
mkdir -p "$links"
find tests -name conftest.py | while read -r file; do
    ln -s "$PWD/$file" "$links/$(printf %s "${file#tests/}" | tr / _)"
done
"$mypy" "$links"/*.py || status=1
exit $status
