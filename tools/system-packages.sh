#!/bin/sh
# The programs that tests call as judges and clients. As root on Debian or Ubuntu they are installed; elsewhere they are
# named, and the tests that need them skip.
set -eu
wanted="podman:podman buildah:buildah skopeo:skopeo runc:runc umoci:umoci netavark:/usr/lib/podman/netavark rpm:rpm \
rpmbuild:rpm docker-registry:docker-registry zstd:zstd db_load:db-util gpg:gnupg openssl:openssl curl:curl git:git \
mmdebstrap:mmdebstrap gem:ruby composer:composer pacman:pacman-package-manager bsdtar:libarchive-tools readelf:binutils softhsm2-util:softhsm2 \
oscap:openscap-scanner ctr:containerd nats-server:nats-server busybox:busybox-static nft:nftables ip:iproute2"
missing=""
for pair in $wanted; do
    program=${pair%%:*} package=${pair#*:}
    case "$package" in /*) [ -x "$package" ] && continue; package=$program ;; esac
    command -v "$program" >/dev/null 2>&1 && continue
    case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'tests: installing%s\n' "$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 - a list of names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
    printf 'tests: apt-get could not install all of%s\n' "$missing" >&2
fi
printf 'tests: not on this machine:%s; the tests that need them skip\n' "$missing" >&2
