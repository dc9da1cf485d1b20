#!/usr/bin/env bash
# Fuzzes every parser that a stranger reaches, and the Sfu as a whole, a short time
# each, beginning with the corpora of earlier runs and the browsers' offers.
#   usage: [FUZZ_SEED=0] scripts/fuzz.sh [seconds for each target] [target...]
# The seed is a constant, so that a gate does not fail by luck; 0 takes a new one.
# Coverage-guided by cargo-fuzz where a nightly toolchain is; elsewhere the same
# bodies run on seeded mutations, many more than in an ordinary test run.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-15}
shift || true

if ! cargo +nightly --version >/dev/null 2>&1; then
  # Said first and last, because what comes between scrolls it away.
  fallback="fuzz: NOT guided by coverage: no nightly toolchain here (rustup toolchain install nightly)"
  echo "$fallback"
  if [ $# -gt 0 ]; then
    echo "fuzz: every target runs, not only: $*"
  fi
  rounds=$((seconds * 1000))
  FUZZ_ROUNDS=$rounds cargo test -p convoke-media --test fuzz_bodies -- --nocapture
  echo "$fallback; the same bodies passed $rounds rounds of seeded mutations instead"
  exit
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz

# Memory errors are looked for by the compiler; without the address sanitizer twice
# as many inputs are tried. SANITIZER=address turns it on.
options=(--fuzz-dir media/fuzz --target-dir target/fuzz --sanitizer "${SANITIZER:-none}")
if [ $# -eq 0 ]; then
  set -- stun dtls srtp rtp rtcp sdp sfu_ops
fi
cargo +nightly fuzz build "${options[@]}"
for target in "$@"; do
  corpus=target/fuzz/corpus/$target
  mkdir -p "$corpus"
  seeds=media/tests/data/$target
  [ -d "$seeds" ] || seeds=
  echo "fuzz: $target for $seconds s"
  # A finding is kept in media/fuzz/artifacts and ends the run with its input.
  cargo +nightly fuzz run "${options[@]}" "$target" "$corpus" $seeds -- \
    -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
    2>&1 | tee "target/fuzz/$target.log" | grep -E 'ERROR|panicked|number_of_executed|Test unit' || true
  # grep's answer is not the fuzzer's.
  if ! grep -q 'stat::number_of_executed_units' "target/fuzz/$target.log" || grep -q 'SUMMARY: libFuzzer' "target/fuzz/$target.log"; then
    tail -n 40 "target/fuzz/$target.log"
    exit 1
  fi
done
