#!/usr/bin/env bash
# Counts the instructions that forwarding a packet takes, from the publisher's datagram to
# the sealed one in the receiver's run, and fails outside a band around the figure that is
# on record. No clock is involved: the same binary gives the same count every time.
#
# After a change that is worth its price, or saves some, set FIGURE to what is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

# Instructions per forwarded packet, dev profile, 1 publisher to 50 receivers, 1200 bytes.
# AES-GCM in the instructions that valgrind knows (no VAES) is most of it.
FIGURE=${FIGURE:-6010}
# Percent either way.
BAND=10

target=${CARGO_TARGET_DIR:-target}
binary=$target/debug/examples/forward_steps
if [ ! -x "$binary" ]; then
  cargo test --workspace --no-run
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" \
  --toggle-collect='*Broadcast::forward*' "$binary" >"$out/packets" 2>"$out/log" ||
  { cat "$out/log" >&2; exit 1; }

packets=$(cat "$out/packets")
collected=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$out/log")
if [ -z "$collected" ] || [ "$packets" -lt 1000 ] || [ "$collected" -lt "$packets" ]; then
  echo "nothing was counted:" >&2
  cat "$out/log" >&2
  exit 1
fi
each=$((collected / packets))
low=$((FIGURE * (100 - BAND) / 100))
high=$((FIGURE * (100 + BAND) / 100))
echo "$each instructions per forwarded packet ($packets packets); $low to $high are expected"
[ "$each" -ge "$low" ] && [ "$each" -le "$high" ]
