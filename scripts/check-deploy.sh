#!/usr/bin/env bash
# Nothing of deploy/ can run on a machine without Docker, a domain or a service
# manager, so each file is read by the program that it is for, or by its linter.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "deploy/Dockerfile"
tests/e2e/node_modules/.bin/dockerfile-utils lint deploy/Dockerfile | tee "$work/dockerfile"
if grep -qiE 'error|warning' "$work/dockerfile"; then exit 1; fi

echo "deploy/compose.yaml"
DOMAIN=calls.example.org PUBLIC_IP=203.0.113.7 JWT_SECRET=x DB_PASSWORD=y \
  docker-compose -f deploy/compose.yaml config --quiet

echo "deploy/convoke.service"
# The unit names the installed binary; this machine has the one that was built.
[ -n "${CONVOKE_BINARY:-}" ] || cargo build --quiet --bin convoke
sed "s,/usr/local/bin/convoke,${CONVOKE_BINARY:-$PWD/target/debug/convoke},; /^Documentation/d" deploy/convoke.service >"$work/convoke.service"
systemd-analyze verify --man=no "$work/convoke.service" 2>&1 | tee "$work/unit"
if grep -q 'convoke.service' "$work/unit"; then exit 1; fi
# Exposure from 0 to 10; what a daemon with a network and nothing else gets.
systemd-analyze security --offline=true --threshold=25 --no-pager "$work/convoke.service" | tail -n 1

echo "deploy/proxy/Caddyfile"
HOME=$work caddy validate --adapter caddyfile --config deploy/proxy/Caddyfile >"$work/caddy" 2>&1 || { cat "$work/caddy"; exit 1; }

echo "deploy/proxy/nginx.conf"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=calls.example.org \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
sed "s,/etc/letsencrypt/live/calls.example.org/fullchain.pem,$work/cert.pem,; s,/etc/letsencrypt/live/calls.example.org/privkey.pem,$work/key.pem," \
  deploy/proxy/nginx.conf >"$work/site.conf"
printf 'events {}\nhttp { access_log off; include %s; }\npid %s; error_log stderr;\n' "$work/site.conf" "$work/pid" >"$work/nginx.conf"
nginx -q -t -c "$work/nginx.conf"

echo "shell scripts"
for script in .ci/run scripts/*.sh; do bash -n "$script"; done
echo "deploy files read"
