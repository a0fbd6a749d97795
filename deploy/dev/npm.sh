#!/usr/bin/env bash
# Install what tests/peers/npm/package-lock.json pins into tests/peers/npm/node_modules: implementations of HPKE that
# nobody here wrote, for tests alone. Each package is checked against the lock's hashes; no script of theirs is run.
# Does nothing when they are there already. Node 20.19 or later is needed.
#
# Exit codes: 0 they are there, 69 no suitable Node, or a package could not be fetched (the message says what to do).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly FOLDER=tests/peers/npm
readonly STAMP=$FOLDER/node_modules/.made-from

give_up() {
    printf 'npm.sh: %s\n' "$1" >&2
    exit 69
}

node_is_recent() {
    command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number)
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

wanted=$(cat "$FOLDER/package.json" "$FOLDER/package-lock.json" | sha256sum | cut -c 1-64)
if [ "$(cat "$STAMP" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
if ! node_is_recent; then
    bash deploy/dev/apt.sh nodejs npm || true
    node_is_recent || give_up "Node 20.19 or later, with npm, is needed; install it from nodejs.org or your system"
fi
printf '==> installing what %s pins\n' "$FOLDER/package-lock.json"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! (cd "$FOLDER" && npm ci --no-progress) >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    give_up "npm could not install them; its last lines are above"
fi
printf '%s\n' "$wanted" >"$STAMP"
