#!/usr/bin/env bash
# Asks the running binary everything that its own description says can be asked, and
# much that it does not, with schemathesis: no answer may be a 500, and every answer
# must be as described. Seeded, so that a gate does not fail by luck.
#   usage: [SCHEMATHESIS_SEED=…] scripts/schemathesis.sh [examples for each operation]
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-12}

[ -n "${CONVOKE_BINARY:-}" ] || cargo build --bin convoke
binary=${CONVOKE_BINARY:-target/debug/convoke}
work=target/schemathesis
rm -rf "$work"
mkdir -p "$work"
port=${SCHEMATHESIS_PORT:-18321}
url=http://127.0.0.1:$port

# Nothing of the caller's configuration, and no convoke.toml.
server=(env -i PATH="$PATH" CONVOKE_DATA_DIR="$work/data" CONVOKE_HTTP_LISTEN="127.0.0.1:$port"
  CONVOKE_MEDIA_PORT=$((port + 1)) CONVOKE_RATE_LIMITS=off CONVOKE_API_KEYS=schemathesis-key
  CONVOKE_AUTH_JWT_SECRET=schemathesis-schemathesis-schemathesis
  # Without it, asking for a Jitsi's token is an error of the server's, and a 500.
  JITSI_DOMAIN=meet.example.org JITSI_USE_JWT=true
  JITSI_APP_SECRET=jitsi-jitsi-jitsi-jitsi-jitsi-jitsi-jitsi)
"${server[@]}" "$binary" >"$work/server.out" 2>"$work/server.log" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  curl -fs "$url/readyz" >/dev/null 2>&1 && break
  kill -0 "$pid" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.1
done
token=$("${server[@]}" "$binary" token --user 7 --name Seven)
token=${token%%$'\n'*}

# ask WHO HEADER: as a user, and as the backend.
ask() {
  echo "schemathesis: as $1"
  (cd "$work" && PYTHONPATH=../../tests SCHEMATHESIS_HOOKS=schemathesis_hooks \
    ../venv/bin/st run "$url/api/openapi.json" --header "$2" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance \
    --phases examples,coverage,fuzzing --max-examples "$examples" --seed "${SCHEMATHESIS_SEED:-1}" \
    --generation-database=none --request-timeout 20 --no-color)
}
ask user "Authorization: Bearer $token"
ask backend 'X-Api-Key: schemathesis-key'

# A panic is answered 500 to nobody: the connection ends.
if grep -iE 'panicked|ERROR' "$work/server.log"; then
  echo "the server's log has errors" >&2
  exit 1
fi
