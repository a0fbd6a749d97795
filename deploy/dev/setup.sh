#!/usr/bin/env bash
# Make .venv with exactly what requirements.lock names, and this project in it, editable.
#
# Does only what is needed: a changed lock makes .venv anew, a changed pyproject.toml installs the project again,
# else nothing is done. PYTHON=... chooses the interpreter. Every download is checked against the lock's hashes.
#
# Exit codes: 0 .venv is ready, 69 no suitable Python (the message says what to do), else that of the step that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly VENV=.venv
readonly STAMP=$VENV/.made-from
readonly OLDEST='(3, 11)'

say() { printf '==> %s\n' "$*"; }

give_up() {
    printf 'setup.sh: %s\n' "$1" >&2
    exit 69
}

# Runs a step in silence; says how long it took, or shows what it said when it failed.
step() {
    local what=$1 began=$SECONDS log code=0
    shift
    say "$what ..."
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || code=$?
    if [ "$code" -ne 0 ]; then
        cat "$log" >&2
        rm -f "$log"
        printf 'setup.sh: failed (exit code %s): %s\n' "$code" "$*" >&2
        exit "$code"
    fi
    rm -f "$log"
    say "$what: done in $((SECONDS - began)) s"
}

recent_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info[:2] < $OLDEST)" >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if command -v "$candidate" >/dev/null && recent_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# Debian and Ubuntu split venv and ensurepip off into a package of their own.
make_sure_of_venv() {
    local python=$1 version
    if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        return 0
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    bash deploy/dev/apt.sh "python$version-venv" ||
        give_up "$python has no venv module; run: sudo apt-get install python$version-venv (Debian, Ubuntu)"
    "$python" -c 'import ensurepip, venv' || give_up "$python still has no venv module; set PYTHON=/path/to/another"
}

hash_of() { cat "$@" | sha256sum | cut -c 1-64; }

install_locked() {
    step "installing what $1 pins, checked against its hashes" \
        "$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --use-pep517 --no-build-isolation --require-hashes -r "$1"
}

if ! python=$(find_python); then
    say "no Python 3.11 or later found"
    bash deploy/dev/apt.sh python3 python3-venv || true
    python=$(find_python) ||
        give_up "Python 3.11 or later is needed; install it, or name it: PYTHON=/path/to/python3 make ..."
fi

# A venv knows its own path and interpreter: a tree that was moved, or a new Python, needs a new one.
locks=$(hash_of requirements-build.lock requirements.lock <(printf '%s\n' "$PWD" && "$python" -VV))
project=$(hash_of pyproject.toml)
made_from=$(cat "$STAMP" 2>/dev/null || true)
if [ "$made_from" = "$locks $project" ]; then
    exit 0
fi

began=$SECONDS
if [ "${made_from%% *}" != "$locks" ]; then
    make_sure_of_venv "$python"
    step "making $VENV with $("$python" -V)" "$python" -m venv --clear "$VENV"
    install_locked requirements-build.lock
    install_locked requirements.lock
fi
rm -f "$STAMP"
step "installing the project, editable" \
    "$VENV/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --no-deps --no-build-isolation -e .
step "checking that everything fits together" "$VENV/bin/python" -m pip check --disable-pip-version-check
printf '%s %s\n' "$locks" "$project" >"$STAMP"
say "$VENV is ready after $((SECONDS - began)) s"
