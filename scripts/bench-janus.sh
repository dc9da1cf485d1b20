#!/usr/bin/env bash
# Compares Convoke with Janus (the Debian package `janus`), both started for each run,
# each on a core of its own, with the same clients. Janus's ICE does not use the
# loopback interface, so all happens in a network namespace of its own, which nothing
# leaves, with another interface that carries a loopback address:
#   lo            127.0.0.1
#   far0 <-> far1 127.0.0.2, where Janus receives media
#   usage: scripts/bench-janus.sh [--event-loops N] [scenarios and options of `convoke bench`]
# Janus has its defaults, or N event loops. CONVOKE_BINARY is the server and load tester
# when it is built already; BENCH_TIMEOUT bounds the whole in seconds (default 3600).
set -euo pipefail
cd "$(dirname "$0")/.."

janus=spawn-janus
if [ "${1:-}" = --event-loops ]; then
  janus="spawn-janus,event_loops=${2:?bench-janus: --event-loops needs a number}"
  shift 2
fi
if [ $# -eq 0 ]; then
  set -- one_to_many meeting_16 audio_room --pairs 3
fi
if [ "$(id -u)" != 0 ]; then
  echo "bench-janus: a network namespace needs root; run it as root (sudo $0)" >&2
  exit 1
fi
if ! command -v janus >/dev/null; then
  echo "bench-janus: Janus is missing: apt-get install --no-install-recommends janus" >&2
  exit 1
fi
if [ -z "${CONVOKE_BINARY:-}" ]; then
  cargo build --release --bin convoke
  CONVOKE_BINARY=target/release/convoke
fi

# --kill-child ends whatever a run left behind.
exec timeout --kill-after=10 "${BENCH_TIMEOUT:-3600}" \
  unshare --net --pid --fork --kill-child --mount-proc -- bash -euc '
    ip link set lo up
    ip link add far0 type veth peer name far1
    ip address add 127.0.0.2/32 dev far0
    ip link set far0 up
    ip link set far1 up
    exec "$@"
  ' bench-janus "$CONVOKE_BINARY" bench --target spawn --vs "$janus" "$@"
