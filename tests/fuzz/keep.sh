#!/bin/bash
# Brings what a run found into the corpus: of all inputs the few that together reach as much, and of these a sample of all
# sizes, so that the repository stays small.
#
#   tests/fuzz/keep.sh [TARGET…]
#
# Run it after tests/fuzz/run.sh, which builds the programs.
set -euo pipefail

cd "$(dirname "$0")"
# The corpus of one target may have so many inputs and bytes, and one input so many; a test bounds the sum of all.
inputs_max=64
target_bytes_max=32000
input_bytes_max=4096
programs=${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/^host: //p')/release
if [ $# = 0 ]; then
    set -- $(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
fi

for target in "$@"; do
    chosen=$(mktemp -d)
    mkdir -p "found/$target" "corpus/$target"
    "$programs/$target" -set_cover_merge=1 "$chosen" "seeds/$target" "corpus/$target" "found/$target" >/dev/null 2>&1
    # A seed that was chosen is kept already; a text that could pass for a private key is not kept at all.
    for input in "$chosen"/*; do
        if grep -qa 'PRIVATE KEY-''----' "$input"; then rm "$input"; fi
        for seed in "seeds/$target"/*; do
            if [ -e "$input" ] && cmp -s "$seed" "$input"; then rm "$input"; fi
        done
    done
    rm -r "corpus/$target"
    mkdir "corpus/$target"
    find "$chosen" -type f -size "-$((input_bytes_max + 1))c" -printf '%s %p\n' | sort -n |
        awk -v inputs_max=$inputs_max -v bytes_max=$target_bytes_max '
            { size[NR] = $1; path[NR] = $2 }
            END { for (at = 1; at <= NR; at += NR > inputs_max ? NR / inputs_max : 1) {
                sum += size[int(at)]; if (sum <= bytes_max) print path[int(at)] } }' |
        xargs -r cp -t "corpus/$target"
    rm -r "$chosen"
    echo "$target: $(find "corpus/$target" -type f | wc -l) inputs"
done
