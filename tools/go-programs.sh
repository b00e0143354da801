#!/bin/sh
# Programs that tests call and no distribution packages: built once from pinned releases into .tools/bin, through the Go
# module proxy, whose checksums Go verifies. Without Go they are named, and the tests that need them skip.
# One a line below: PACKAGE@VERSION, or a folder with a program of our own. `tools/go-programs.sh NAME…` builds those only.
# TIDEGATE_TOOLS_SECONDS bounds the whole; what was not built then comes with the next run.
set -eu
cd "$(dirname "$0")/.."
programs="
./tests/ledger/tlogcheck
./tests/execution/podsecurity
github.com/versity/versitygw/cmd/versitygw@v1.8.0
github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
github.com/google/go-containerregistry/cmd/crane@v0.22.1
oras.land/oras/cmd/oras@v1.3.6
github.com/regclient/regclient/cmd/regctl@v0.11.7
helm.sh/helm/v3/cmd/helm@v3.22.0
github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5
"
bin="$PWD/.tools/bin"
end=$(($(date +%s) + ${TIDEGATE_TOOLS_SECONDS:-480}))
for program in $programs; do
    case $program in
    ./*) package=$program version=v$(cat "$program"/*.go "$program"/go.* | cksum | cut -d ' ' -f 1) ;;
    *) package=${program%@*} version=${program#*@} ;;
    esac
    name=${package##*/}
    case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
    stamp=".tools/$name-$version"
    [ -e "$stamp" ] && [ -x "$bin/$name" ] && continue
    if ! command -v go >/dev/null 2>&1; then
        printf 'tests: %s needs Go (https://go.dev/dl) to be built; the tests that need it skip\n' "$name" >&2
        continue
    fi
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || { printf 'tests: no time left to build %s; the tests that need it skip\n' "$name" >&2; continue; }
    printf 'tests: building %s %s, once\n' "$name" "$version" >&2
    mkdir -p "$bin"
    folder=. target=$program
    case $program in ./*) folder=$program target=. ;; esac
    log="$PWD/.tools/$name.log"
    if (cd "$folder" && GOBIN="$bin" CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
        timeout "$left" go install -trimpath -ldflags "-s -w" "$target") >"$log" 2>&1; then
        rm -f .tools/"$name"-v*
        : >"$stamp"
    else
        printf 'tests: could not build %s (.tools/%s.log says why); the tests that need it skip\n' "$name" "$name" >&2
    fi
done
