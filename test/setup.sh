#!/bin/sh
# Installs the programs that tests need and this machine does not have, with apt-get, and says what it does; `npm test` alone
# installs nothing. Safe to run again; quick when nothing is missing. CHROMIUM_PATH names a browser that is already there.
# `setup.sh chromium` installs nothing: it prints the path of the browser that the tests use. NATS_SERVER_PATH names a nats-server
# that is already there; `setup.sh nats-server` takes care of that one only, and prints its path.
set -eu

say() { echo "test/setup.sh: $*" >&2; }

# ------------------------------------------------------------------------------------------- chromium (sample page)

# Prints the first browser that starts. A name on PATH is not enough: some systems ship a stub that only asks for a snap.
find_chromium() {
  for name in ${CHROMIUM_PATH:+"$CHROMIUM_PATH"} chromium chromium-browser google-chrome; do
    found=$(command -v "$name") || continue
    if "$found" --version >/dev/null 2>&1; then
      echo "$found"
      return 0
    fi
  done
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Fonts come along because a page without any renders no text.
apt_install_chromium() {
  as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core
}

can_apt_install() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

give_up() {
  say "chromium is missing and could not be installed here; the browser test needs it."
  say "Install it (Debian: apt-get install chromium fonts-dejavu-core · Fedora: dnf install chromium ·"
  say "macOS: brew install --cask google-chrome) or set CHROMIUM_PATH to a Chromium or Chrome binary."
  exit 1
}

ensure_chromium() {
  find_chromium >/dev/null && return 0
  if [ -n "${CHROMIUM_PATH:-}" ]; then say "CHROMIUM_PATH does not start; looking elsewhere."; fi
  can_apt_install || give_up
  say "no chromium here: installing chromium and fonts-dejavu-core with apt-get"
  if ! apt_install_chromium >&2; then
    say "apt-get failed; trying once more"
    apt_install_chromium >&2 || give_up
  fi
  installed=$(find_chromium) || give_up
  say "installed $installed ($("$installed" --version 2>/dev/null))"
}

# ------------------------------------------------------------------------------------- nats-server (several nodes)

# The oldest that has all that is used of it. [cluster 1.1]
oldest_nats=2.9.10

# Prints the version, as in 2.9.10, of a nats-server that starts.
nats_version() {
  "$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9][0-9.]*\).*/\1/p'
}

# Is the version $1 at least $2?
is_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]
}

# Prints the first that is new enough.
find_nats_server() {
  for name in ${NATS_SERVER_PATH:+"$NATS_SERVER_PATH"} nats-server; do
    found=$(command -v "$name") || continue
    version=$(nats_version "$found")
    if [ -n "$version" ] && is_at_least "$version" "$oldest_nats"; then
      echo "$found"
      return 0
    fi
    say "$found is not a nats-server of version $oldest_nats or newer (found: ${version:-no version})"
  done
  return 1
}

# A service is not to be started: the tests start their own servers.
apt_install_nats_server() {
  as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends nats-server
}

give_up_on_nats() {
  say "nats-server $oldest_nats or newer is missing and could not be installed here; the tests of several nodes need it."
  say "Install it (Debian, Ubuntu: apt-get install nats-server · macOS: brew install nats-server ·"
  say "with Go: go install github.com/nats-io/nats-server/v2@latest) or set NATS_SERVER_PATH to a binary."
  exit 1
}

ensure_nats_server() {
  if [ -n "${NATS_SERVER_PATH:-}" ] && ! command -v "$NATS_SERVER_PATH" >/dev/null 2>&1; then
    say "NATS_SERVER_PATH names $NATS_SERVER_PATH, which is no program; looking elsewhere."
  fi
  if ! found=$(find_nats_server); then
    can_apt_install || give_up_on_nats
    say "no nats-server here: installing it with apt-get"
    apt_install_nats_server >&2 || give_up_on_nats
    PATH=$PATH:/usr/sbin # where Debian puts it, and which the PATH of users lacks
    found=$(find_nats_server) || give_up_on_nats
  fi
  say "nats-server $(nats_version "$found") at $found"
  echo "$found"
}

case "${1:-}" in
  chromium) find_chromium && exit 0 || exit 1 ;;
  nats-server) ensure_nats_server && exit 0 || exit 1 ;;
esac

ensure_nats_server >/dev/null
ensure_chromium

# ------------------------------------------------------- images, proxies, units (deploy/), Python apps, descriptors

# Prints the package of each program that is missing.
missing_packages() {
  for pair in buildah:buildah nginx:nginx-light caddy:caddy systemd-analyze:systemd prlimit:util-linux script:bsdutils \
    redis-server:redis-server python3:python3 zsh:zsh fish:fish; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
  done
  python3 -c 'import flask' >/dev/null 2>&1 || printf 'python3-flask '
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || printf 'python3-venv '
}

ensure_programs() {
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  if ! can_apt_install; then
    say "missing, and there is no apt-get to install them with: $packages"
    return 0
  fi
  say "installing with apt-get: $packages"
  as_root apt-get update -q >&2
  # Services are not to be started: the tests start their own.
  # shellcheck disable=SC2086 # one argument per package
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -q --no-install-recommends $packages >&2
}

ensure_programs

# --------------------------------------------------------------------------------------- moto (a stand-in for SQS)

ensure_moto() {
  moto=${XDG_CACHE_HOME:-$HOME/.cache}/hubwire/moto
  [ -x "$moto/bin/moto_server" ] && return 0
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || return 0
  say "installing moto[server] with pip into $moto"
  python3 -m venv "$moto" >&2 && "$moto/bin/pip" install --quiet --disable-pip-version-check 'moto[server]' >&2 ||
    say "that failed; the tests of the queue driver sqs will not run"
}

ensure_moto

# ------------------------------------------------------------------------------------------------------ address ::1

# Some containers have it switched off.
loopback_switch=/proc/sys/net/ipv6/conf/lo/disable_ipv6
if [ -r "$loopback_switch" ] && [ "$(cat "$loopback_switch")" = 1 ]; then
  say "switching on IPv6 for the loopback interface"
  as_root sh -c "echo 0 >$loopback_switch" 2>/dev/null || say "that is not allowed here"
fi
