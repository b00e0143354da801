#!/bin/sh
# Pins what goes into the demo's images: real releases, every file by hash, no index address.
set -eu
cd "$(dirname "$0")"
pin() {
    out=$1
    shift
    printf '%s\n' "$@" | ../../.venv/bin/uv pip compile - --no-deps --generate-hashes --no-header --no-annotate \
        --no-emit-index-url -q -o "$out"
}
pin reports.txt apache-airflow==1.10.10 flask==1.1.4 jinja2==2.10.3 werkzeug==0.16.1
pin web.txt h11==0.14.0 uvicorn==0.33.0 starlette==0.49.1 anyio==4.9.0 idna==3.10 sniffio==1.3.1 click==8.1.8
pin web-fixed.txt h11==0.16.0 uvicorn==0.33.0 starlette==0.49.1 anyio==4.9.0 idna==3.10 sniffio==1.3.1 click==8.1.8
