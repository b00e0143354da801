# SPDX-License-Identifier: Apache-2.0
"""A shim as pnpm 7 to 9 write it."""

SHIM = """#!/bin/sh
basedir=$(dirname "$(echo "$0" | sed -e 's,\\\\,/,g')")

case `uname` in
    *CYGWIN*) basedir=`cygpath -w "$basedir"`;;
esac

if [ -z "$NODE_PATH" ]; then
  export NODE_PATH="/app/node_modules/.pnpm/tide@1.0.0/node_modules:/app/node_modules/.pnpm/node_modules"
else
  export NODE_PATH="/app/node_modules/.pnpm/tide@1.0.0/node_modules:/app/node_modules/.pnpm/node_modules:$NODE_PATH"
fi
if [ -x "$basedir/node" ]; then
  exec "$basedir/node"  "$basedir/../tide/bin/tide.js" "$@"
else
  exec node  "$basedir/../tide/bin/tide.js" "$@"
fi
"""
