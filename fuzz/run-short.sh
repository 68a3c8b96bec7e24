#!/bin/sh
# Fuzzes every target for about ten seconds (half a minute in all), for CI.
# Needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler; works on a stable toolchain.
set -eu
cd "$(dirname "$0")/.."
if ! command -v cargo-fuzz >/dev/null 2>&1; then
    echo "skipped: fuzzing, cargo-fuzz is not installed (cargo install cargo-fuzz)"
    echo "0 passed, 0 failed, 3 skipped"
    exit 0
fi
[ -d fuzz/corpus/open ] || fuzz/seed.sh
seconds=${FUZZ_SECONDS:-10}
export RUSTC_BOOTSTRAP=1 RAYON_NUM_THREADS=1
for target in open codecs odl; do
    cargo fuzz run --release --sanitizer none "$target" -- \
        -max_total_time="$seconds" -timeout=2 -rss_limit_mb=256 -max_len=400000 -print_final_stats=1
done
echo "3 passed, 0 failed"
