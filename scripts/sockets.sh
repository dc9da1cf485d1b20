#!/usr/bin/env bash
# Whole calls by real Socket.IO clients (tests/sockets/*.test.mjs) against the debug
# binary. No browser, no namespace, no root; ports are the system's to choose.
#   usage: scripts/sockets.sh [node --test options or files]
set -euo pipefail
cd "$(dirname "$0")/.."

[ -n "${CONVOKE_BINARY:-}" ] || cargo build --bin convoke
if [ $# -eq 0 ]; then
  set -- tests/sockets/*.test.mjs
fi
exec node --test --test-concurrency=1 --test-timeout=120000 --test-reporter=spec "$@"
