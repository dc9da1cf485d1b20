#!/usr/bin/env bash
# Runs the browser journeys (tests/e2e/*.test.mjs) in a network namespace of their
# own: fixed ports never clash and nothing can leave the machine. The interfaces:
#   lo            127.0.0.1
#   far0 <-> far1 127.0.0.2 for clients that skip lo; 10.99.1.1 and 10.99.2.1 are
#                 addresses that a test takes away from under a browser
#   usage: scripts/e2e.sh [node --test options or files]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "e2e: a network namespace needs root; run it as root (sudo scripts/e2e.sh)" >&2
  exit 1
fi
if [ -z "${CONVOKE_E2E_NAMESPACE:-}" ]; then
  [ -n "${CONVOKE_BINARY:-}" ] || cargo build --bin convoke
  # The mount namespace and --pid --kill-child end whatever a test left behind.
  exec env CONVOKE_E2E_NAMESPACE=1 unshare --net --pid --fork --kill-child --mount-proc -- "$0" "$@"
fi

ip link set lo up
ip link add far0 type veth peer name far1
ip address add 127.0.0.2/32 dev far0
ip address add 10.99.1.1/24 dev far0
ip address add 10.99.2.1/24 dev far0
ip link set far0 up
ip link set far1 up

rm -rf target/e2e
mkdir -p target/e2e
if [ $# -eq 0 ]; then
  set -- tests/e2e/*.test.mjs
fi
# One file at a time: four browsers are what two cores carry.
exec node --test --test-concurrency=1 --test-timeout=900000 --test-reporter=spec "$@"
