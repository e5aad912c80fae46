#!/bin/bash
# Gives each target to libFuzzer in turn and says what came of it. Stops at the first input that breaks a target.
#
#   tests/fuzz/run.sh SECONDS [TARGET…]
#
# Starts from the seeds and the corpus of the repository. What is new is kept beside them in tests/fuzz/found (not
# committed) and is where the next run goes on; tests/fuzz/keep.sh brings the best of it into the corpus.
set -euo pipefail

seconds=${1:?how many seconds for each target}
shift
cd "$(dirname "$0")"
# Stable Rust: coverage by -C flags alone, which no sanitizer is; `cfg(fuzzing)` is off, so that what runs is what ships.
cargo fuzz build --fuzz-dir . --sanitizer none --codegen-units 16 --no-cfg-fuzzing
triple=$(rustc -vV | sed -n 's/^host: //p')
programs=${CARGO_TARGET_DIR:-target}/$triple/release
if [ $# = 0 ]; then
    set -- $(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
fi

printf '%-16s %12s %8s %7s %9s %6s %9s\n' target executions per-sec edges features inputs new
for target in "$@"; do
    mkdir -p "found/$target" "artifacts/$target"
    inputs=("found/$target" "seeds/$target")
    for kind in corpus regressions; do
        if [ -d "$kind/$target" ]; then inputs+=("$kind/$target"); fi
    done
    log=found/$target.log
    if ! "$programs/$target" "${inputs[@]}" "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 \
        "-artifact_prefix=artifacts/$target/" -print_final_stats=1 >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "$target: an input broke it; see tests/fuzz/artifacts/$target" >&2
        exit 1
    fi
    awk -v target="$target" '
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "ft:") features = $(i + 1)
            if ($i == "corp:") { split($(i + 1), corpus, "/") } } }
        /^stat::number_of_executed_units/ { executions = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        /^stat::new_units_added/ { fresh = $2 }
        END { printf "%-16s %12d %8d %7d %9d %6d %9d\n", target, executions, rate, edges, features, corpus[1], fresh }
    ' "$log"
done
