#!/usr/bin/env bash
# Write requirements.lock and requirements-build.lock anew: newest versions that pyproject.toml allows, with hashes, for
# every platform and Python 3.11 to 3.13. Uses uv in a throwaway environment; nobody else needs uv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check uv

# compile INPUT OUTPUT OPTION...
compile() {
    local input=$1 output=$2
    shift 2
    "$scratch/venv/bin/uv" --no-config pip compile "$input" --quiet --universal --python-version 3.11 --upgrade \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        "$@" --output-file "$scratch/$output" >/dev/null
    printf '# Made by "make lock". Do not edit.\n' | cat - "$scratch/$output" >"$output"
    printf '%s: %s packages\n' "$output" "$(grep -c '==' "$output")"
}

compile pyproject.toml requirements.lock --extra sim --extra dev
# What builds this project, and packages that have no wheel for a machine, so that no build fetches anything unchecked.
printf '%s\n' setuptools hatchling editables | compile - requirements-build.lock --constraint requirements.lock
