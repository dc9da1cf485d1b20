#!/usr/bin/env bash
# Installs what the tests need beyond Rust and Node: browsers, PostgreSQL, the tools
# that make a network namespace, GStreamer, packages of the web client and of the journeys,
# and aiortc in a virtual environment. Finds what is there and does it only once.
set -euo pipefail
cd "$(dirname "$0")/.."

# command:package
needed=(
  chromium:chromium
  firefox-esr:firefox-esr
  pg_config:postgresql-common
  ip:iproute2
  unshare:util-linux
  python3:python3
  Xvfb:xvfb
  nginx:nginx-light
  systemd-analyze:systemd
  g++:g++
  docker-compose:docker-compose
  caddy:caddy
  openssl:openssl
  curl:curl
  valgrind:valgrind
)
missing=()
for entry in "${needed[@]}"; do
  command -v "${entry%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${entry%%:*}" ] || missing+=("${entry#*:}")
done
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)

# The distribution's own Python has the bindings; webrtcbin comes in parts.
has_gstreamer() {
  /usr/bin/python3 -c '
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst
Gst.init(None)
wanted = ["webrtcbin", "nicesrc", "dtlsdec", "srtpenc", "vp8enc", "opusenc", "videotestsrc"]
raise SystemExit(not all(map(Gst.ElementFactory.find, wanted)))
' 2>/dev/null
}
has_gstreamer || missing+=(
  python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-good gstreamer1.0-plugins-base
)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "missing: ${missing[*]}" >&2
    echo "install them: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# install_node DIRECTORY: its locked packages, unless they are there.
install_node() {
  local stamp="$1/node_modules/.convoke-lock"
  cmp -s "$1/package-lock.json" "$stamp" && return
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
  cp "$1/package-lock.json" "$stamp"
}
install_node web
install_node tests/e2e

venv=target/venv
if ! cmp -s tests/e2e/requirements.txt "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/e2e/requirements.txt
  cp tests/e2e/requirements.txt "$venv/requirements.txt"
fi
