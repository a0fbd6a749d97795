#!/usr/bin/env bash
# Install Debian or Ubuntu packages, only those that are missing, without starting or enabling any service.
#
#   deploy/dev/apt.sh PACKAGE...        those packages
#   deploy/dev/apt.sh --from FILE       the packages in FILE, one a line, # begins a comment
#
# Exit codes: 0 all are installed, 69 something is missing and could not be installed (the message says what to do).
set -euo pipefail

readonly LOCK_TIMEOUT_S=120 # how long to wait for another apt to finish
readonly POLICY=/usr/sbin/policy-rc.d

say() { printf '==> %s\n' "$*"; }

give_up() {
    printf 'apt.sh: %s\n' "$1" >&2
    exit 69
}

# Prints how to become root, as words before a command: nothing, or "sudo -n". Fails where neither is possible.
root_words() {
    if [ "$(id -u)" -eq 0 ]; then
        return 0
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        printf 'sudo -n\n'
    else
        return 1
    fi
}

installed() {
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Debian starts a service as its package is installed, unless policy-rc.d forbids it (invoke-rc.d(8)).
forbid_services() {
    if [ -e "$POLICY" ]; then
        return 0 # this machine has a policy of its own: keep it
    fi
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$POLICY" >/dev/null
    "${as_root[@]}" chmod 755 "$POLICY"
    trap '"${as_root[@]}" rm -f "$POLICY"' EXIT
}

keep_from_booting() {
    local package=$1 unit
    if ! command -v systemctl >/dev/null; then
        return 0
    fi
    while read -r unit; do
        "${as_root[@]}" systemctl disable --quiet "$(basename "$unit")" 2>/dev/null || true
    done < <(dpkg-query --listfiles "$package" | grep -E '/systemd/system/[^/@]+\.service$' || true)
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o "DPkg::Lock::Timeout=$LOCK_TIMEOUT_S" -o Acquire::Retries=3 "$@"
}

install() {
    apt_get install --yes --no-install-recommends "$@" </dev/null
}

if [ "${1-}" = --from ]; then
    mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$2")
else
    wanted=("$@")
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    give_up "this is no Debian or Ubuntu; install the counterparts of these by hand: ${wanted[*]}"
fi
missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
words=$(root_words) || give_up "not root and no passwordless sudo; run: sudo apt-get install ${missing[*]}"
read -r -a as_root <<<"${words:-env}"

say "installing with apt: ${missing[*]} (services stay off)"
forbid_services
log=$(mktemp)
if ! install "${missing[@]}" >"$log" 2>&1; then
    say "refreshing apt's lists first"
    if ! { apt_get update && install "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        give_up "apt could not install ${missing[*]}; its last lines are above"
    fi
fi
rm -f "$log"
for package in "${missing[@]}"; do
    keep_from_booting "$package"
done
