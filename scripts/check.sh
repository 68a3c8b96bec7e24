#!/usr/bin/env bash
# Everything that has to hold before a change lands: format, lint, types, tests, independent oracles, drift.
# Ends with one line: N passed, N failed (over all suites).
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO_BUILD_TARGET="${CARGO_BUILD_TARGET:-$(rustc -vV | sed -n 's/^host: //p')}"
export CARGO_BUILD_TARGET NO_COLOR=1
bash scripts/setup.sh --for-tests || exit 1

passed=0
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# step NAME COMMAND...: one check, counted as one test.
step() {
  local name=$1; shift
  if "$@" >"$logs/step" 2>&1; then
    passed=$((passed + 1)); printf 'ok    %s\n' "$name"
  else
    failed=$((failed + 1)); printf 'FAIL  %s\n' "$name"; tail -60 "$logs/step"
  fi
}

# what_failed LOG: names of failed tests, then their reasons; the end of the log where it names none.
what_failed() {
  grep -hE '^ *FAIL |^test .* FAILED$|^ *Error: Test timed out' "$1" | sort -u | head -20
  if grep -qE 'Failed (Tests|Suites)|Unhandled Errors|^failures:$' "$1"; then
    sed -nE '/Failed (Tests|Suites)|Unhandled Errors|^failures:$/,$p' "$1" | head -100
  else
    tail -60 "$1"
  fi
}

# suite NAME COMMAND...: a runner that counts for itself; its closing lines are added up.
suite() {
  local name=$1; shift
  local status=0
  "$@" >"$logs/suite" 2>&1 || status=$?
  local p f
  read -r p f < <(node scripts/count-tests.js "$logs/suite")
  passed=$((passed + p)); failed=$((failed + f))
  if [ "$status" -ne 0 ]; then
    [ "$f" -gt 0 ] || failed=$((failed + 1))
    printf 'FAIL  %s: %s passed, %s failed, exit %s\n' "$name" "$p" "$f" "$status"
    what_failed "$logs/suite"
  elif [ $((p + f)) -eq 0 ] && grep -q '^skipped: ' "$logs/suite"; then
    printf 'skip  %s: %s\n' "$name" "$(grep -m1 '^skipped: ' "$logs/suite")"
  elif [ $((p + f)) -eq 0 ]; then
    failed=$((failed + 1)); printf 'FAIL  %s: no test ran\n' "$name"; tail -20 "$logs/suite"
  else
    printf 'ok    %s: %s passed\n' "$name" "$p"; grep -E '^skipped: ' "$logs/suite" | sort -u | head -20
  fi
}

venv="${ASTER_VENV:-.venv}"
python_ready() {
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 1
  local stamp="$venv/requirements.txt"
  cmp -s oracle/requirements.txt "$stamp" && return 0
  "$venv/bin/python" -m pip install --quiet -r oracle/requirements.txt && cp oracle/requirements.txt "$stamp"
}
step "python for the oracles" python_ready
export ASTER_PYTHON="$PWD/$venv/bin/python"
case "$venv" in /*) export ASTER_PYTHON="$venv/bin/python" ;; esac
export PATH="$(dirname "$ASTER_PYTHON"):$PATH"

# Where no Slurm answers, its tests start one with this script; without either they say "skipped:".
slurm_local="$PWD/../shared/tools/slurm-local"
[ -n "${ASTER_SLURM_LOCAL:-}" ] || [ ! -x "$slurm_local" ] || export ASTER_SLURM_LOCAL="$slurm_local"

# A short fuzz run belongs to CI; at home it is skipped unless cargo-fuzz is there.
[ -z "${CI:-}" ] || command -v cargo-fuzz >/dev/null 2>&1 ||
  step "cargo-fuzz" env -u CARGO_BUILD_TARGET cargo install --quiet --locked cargo-fuzz

step "rust format" cargo fmt --all --check
step "rust lint" cargo clippy --release --workspace --all-targets --locked -- -D warnings
step "typescript lint and format" npx --no-install biome ci
step "typescript types" npx --no-install tsc --noEmit
step "index.d.ts is what Rust says" git diff --exit-code -- index.d.ts
suite "rust" cargo test --release --workspace --locked --no-fail-fast
suite "rust core without GDAL and HDF5" cargo test --release -p aster-core --no-default-features --lib --locked
suite "typescript" npx --no-install vitest run
suite "independent oracles" bash oracle/run.sh
suite "fuzz, short" bash fuzz/run-short.sh
step "tree unchanged by the checks" git diff --exit-code --stat

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
