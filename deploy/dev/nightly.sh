#!/usr/bin/env bash
# The long campaigns: pytest -m nightly with hypothesis' nightly profile, then WORLDS simulated worlds from SEED on.
# Every world's figures go to build/nightly/worlds/N.json; a seed that fails can be played again:
#   .venv/bin/kit-sim world --seed N
# At last LINKS days on which only links break; build/nightly/links-only.txt names the seeds that fail:
#   .venv/bin/kit-sim world --links-only --seed N
#
# Exit codes: 0 all held, 1 something did not.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 70

readonly WORLDS=${WORLDS:-200}
readonly SEED=${SEED:-1}
readonly LINKS=${LINKS:-2000}
readonly JOBS=${JOBS:-2}
readonly OUT=build/nightly

say() { printf '==> %s\n' "$*"; }
failed=0

say "pytest -m nightly"
HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -m nightly -n "$JOBS" --dist worksteal
code=$?
if [ "$code" -eq 5 ]; then
    say "no test is marked nightly"
elif [ "$code" -ne 0 ]; then
    failed=1
fi

say "$WORLDS worlds, seeds $SEED to $((SEED + WORLDS - 1))"
rm -rf "$OUT" && mkdir -p "$OUT/worlds"
began=$SECONDS
# shellcheck disable=SC2016 # expanded by the inner shell
seq "$SEED" $((SEED + WORLDS - 1)) | xargs -P "$JOBS" -I '{}' sh -c '
    .venv/bin/kit-sim world --seed {} --json >"$1/worlds/{}.json" 2>"$1/worlds/{}.err" || echo {} >>"$1/failed-seeds"
' sh "$OUT"
took=$((SECONDS - began))
if [ -s "$OUT/failed-seeds" ]; then
    failed=1
    sort -n "$OUT/failed-seeds" | while read -r seed; do
        say "seed $seed failed: $(tail -n 1 "$OUT/worlds/$seed.err")"
    done
fi
touch "$OUT/failed-seeds"
say "$WORLDS worlds in $took s, $(wc -l <"$OUT/failed-seeds") failed"
.venv/bin/python deploy/dev/sum_worlds.py "$OUT/worlds"

say "$LINKS links-only days from seed $SEED on"
.venv/bin/kit-sim world --links-only --seeds "$LINKS" --seed "$SEED" >"$OUT/links-only.txt" || failed=1
cat "$OUT/links-only.txt"
exit "$failed"
