#!/usr/bin/env bash
# The main job, for a person to watch: a factory makes 200 units, their new owner onboards them, attackers are refused.
# Everything runs on loopback in a directory of its own, which is removed at the end unless KEEP=1.
set -euo pipefail
cd "$(dirname "$0")/../../.."

UNITS=${UNITS:-200}
SPARE=60
work=$(mktemp -d "${TMPDIR:-/tmp}/gangway-demo.XXXXXX")
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

step "1. Building (the first time takes some minutes)"
cargo build --quiet --locked --bins -p onboarding-server -p gangway -p device-sim
bin=${CARGO_TARGET_DIR:-target}/debug
gangway() { "$bin/gangway" --profile "$work/state/admin/profiles/$1.toml" "${@:2}"; }

step "2. Starting a server: the maker's factory and MASA, the owner's registrar and EST"
"$bin/onboarding-server" dev run --any-port --dir "$work" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    [ -e "$work/state/ready.json" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log"; exit 1; }
    sleep 0.1
done
port() { sed -n "s/.*\"$1\":\"[^\"]*:\([0-9]*\)\".*/\1/p" "$work/state/ready.json"; }
registrar=https://localhost:$(port owner)
api=https://localhost:$(port admin)
echo "registrar $registrar, API $api"

step "3. The factory makes $UNITS units, and $SPARE for the attackers"
profiles=$work/state/admin/profiles
make_units() { # order, serial prefix, count, file
    "$bin/device-sim" make --api "$api" --api-ca "$work/state/admin/root.pem" --api-cert "$profiles/station.pem" \
        --api-key "$profiles/station-key.pem" --anchors "$work/state/maker/pki/root.pem" --manufacturer example-maker \
        --product sensor-one --order "$1" --serial-prefix "$2" --count "$3" --out "$4"
}
make_units demo-order DEMO- "$UNITS" "$work/fleet.jsonl"
make_units spare-order SPARE- "$SPARE" "$work/spare.jsonl"
gangway viewer factory order list

step "4. The owner announces what it bought"
{
    echo manufacturer,serial,product,labels
    seq -f 'example-maker,DEMO-%08g,sensor-one,site=hall-1' "$UNITS"
    seq -f 'example-maker,SPARE-%08g,sensor-one,site=lab' "$SPARE"
} >"$work/bought.csv"
gangway operator devices import "$work/bought.csv" | tail -n 1

step "5. One pledge comes aboard: each step with its time"
"$bin/device-sim" onboard --registrar "$registrar" --fleet "$work/fleet.jsonl" --index 0

step "6. The others come aboard, 16 at a time"
tail -n +2 "$work/fleet.jsonl" >"$work/others.jsonl"
"$bin/device-sim" fleet --registrar "$registrar" --fleet "$work/others.jsonl" --concurrency 16

step "7. Attackers: each is refused, and for its own reason"
"$bin/device-sim" attack --all --pending-seconds 2 --registrar "$registrar" --fleet "$work/spare.jsonl" --maker "$work/state/maker/pki" \
    --api "$api" --api-ca "$work/state/admin/root.pem" --api-cert "$profiles/operator.pem" \
    --api-key "$profiles/operator-key.pem"

step "8. What the owner knows of one device"
gangway viewer devices timeline example-maker/DEMO-00000001

step "9. The history is whole: each record chains to the one before"
gangway admin journal verify

cat <<TEXT

That was it. Try next:
  KEEP=1 make demo                                  keep the directory and look around
  cargo run -p onboarding-server -- dev run         a server of your own; it prints where its profiles are
  cargo run -p gangway -- --help                    what an operator can do
  cargo run -p device-sim -- list-attacks           what was tried above
TEXT
