#!/usr/bin/env bash
# The main job, for a person to watch: a factory makes 200 units, their new owner onboards them, attackers are refused.
# Everything runs on loopback in a directory of its own, which is removed at the end unless KEEP=1.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/stories/lib.sh

UNITS=${UNITS:-200}
SPARE=60

step "1. Building (the first time takes some minutes)"
find_programs

step "2. Starting a server: the maker's factory and MASA, the owner's registrar and EST"
start_server

step "3. The factory makes $UNITS units, and $SPARE for the attackers"
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
device_sim onboard --registrar "$registrar" --fleet "$work/fleet.jsonl" --index 0

step "6. The others come aboard, 16 at a time"
tail -n +2 "$work/fleet.jsonl" >"$work/others.jsonl"
device_sim fleet --registrar "$registrar" --fleet "$work/others.jsonl" --concurrency 16

step "7. Attackers: each is refused, and for its own reason"
# shellcheck disable=SC2046 # The options are words without spaces.
device_sim attack --all --pending-seconds 2 --registrar "$registrar" --fleet "$work/spare.jsonl" \
    --maker "$work/state/maker/pki" $(api_as operator)

step "8. What the owner knows of one device"
gangway viewer devices timeline example-maker/DEMO-00000001

step "9. The history is whole: each record chains to the one before"
gangway admin journal verify

cat <<TEXT

That was it. Try next:
  KEEP=1 make demo                                  keep the directory and look around
  tests/stories/admin/run.sh                        a network admin's day: announce, approve, refuse, retire
  cargo run -p onboarding-server -- dev run         a server of your own; it prints where its profiles are
  cargo run -p gangway -- --help                    what an operator can do
  cargo run -p device-sim -- list-attacks           what was tried above
TEXT
