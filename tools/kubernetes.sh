#!/bin/sh
# A real Kubernetes control plane for tests: built once from the pinned modules of tests/kubernetes/programs, through the
# Go module proxy, whose checksums Go verifies. It lies in the user's cache, so that every checkout has it; about 800
# seconds of processor time the first time. `tools/kubernetes.sh where` only says where it lies.
set -eu
cd "$(dirname "$0")/.."
module=tests/kubernetes/programs
version=$(sed -n 's|.*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' "$module/go.mod" | head -n 1)
bin="${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/kubernetes/$version/bin"
[ "${1:-}" = where ] && { printf '%s\n' "$bin"; exit 0; }
if ! command -v etcd >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'tests: installing etcd-server\n' >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends etcd-server >/dev/null
fi
missing=""
for program in kube-apiserver kube-controller-manager kube-scheduler kwok; do
    [ -x "$bin/$program" ] || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
command -v go >/dev/null 2>&1 || { printf 'tests: Kubernetes needs Go (https://go.dev/dl) to be built\n' >&2; exit 1; }
mkdir -p "$bin"
export CGO_ENABLED=0
for program in $missing; do
    printf 'tests: building %s, once\n' "$program" >&2
    case $program in
    kwok) package=sigs.k8s.io/kwok/cmd/kwok folder="$module/kwok" flags="-s -w" ;;
    *) package=k8s.io/kubernetes/cmd/$program folder=$module flags="-s -w -X k8s.io/component-base/version.gitVersion=$version" ;;
    esac
    (cd "$folder" && GOFLAGS=-buildvcs=false nice -n 19 go build -mod=readonly -trimpath -ldflags "$flags" -o "$bin/.$program" "$package")
    mv "$bin/.$program" "$bin/$program"
done
