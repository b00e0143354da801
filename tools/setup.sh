#!/bin/sh
# Leaves a working environment in .venv: `tools/setup.sh run` for the product, `tools/setup.sh dev` for its tests as well.
# Needs Python >= 3.11; installs what else is missing (as root, through apt) or names it.
set -eu
cd "$(dirname "$0")/.."
what="${1:-run}"
stamp=".venv/.$what-$(cat requirements/*.txt pyproject.toml | cksum | cut -d' ' -f1)"

# Compiled once here, because many images of builders set PYTHONDONTWRITEBYTECODE: every start would compile it all anew.
compile() { env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m compileall -q "$@" >/dev/null 2>&1 || true; }
[ -e "$stamp" ] && { compile src/tidegate; exit 0; }

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 3; }

find_python() {
    for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 || continue
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$name"; return; }
    done
    return 1
}

apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

python=$(find_python) || { apt python3 python3-venv && python=$(find_python); } ||
    fail "no Python >= 3.11 found; install it (Debian and Ubuntu: apt-get install python3 python3-venv) or name it with PYTHON=..."

if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    say "making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 || {
        rm -rf .venv
        apt python3-venv && "$python" -m venv .venv
    } || fail "this Python cannot make environments; install its venv module (apt-get install python3-venv)"
fi

say "installing the locked packages ($what)"
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }
[ -x .venv/bin/uv ] || pip install --require-hashes -r requirements/bootstrap.txt ||
    fail "could not install the first package; is the package index reachable?"
# uv is quicker; pip knows more kinds of proxy and index settings, so it is the way round.
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "requirements/$what.txt" ||
    pip install --require-hashes -r "requirements/$what.txt" || fail "could not install requirements/$what.txt"
# The build backend looks for its program on PATH.
PATH="$PWD/.venv/bin:$PATH" pip install --no-deps --no-build-isolation --editable . ||
    fail "could not install tidegate itself"
compile -j 0 src/tidegate .venv/lib
rm -f .venv/."$what"-*
: >"$stamp"
say "done: .venv/bin/tidegate"
