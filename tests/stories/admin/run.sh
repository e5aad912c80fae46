#!/usr/bin/env bash
# A network admin's day: announce devices, let one in that nobody announced, refuse another, retire a third, and see why each of
# them is where it is. Everything runs on loopback in a directory of its own, which is removed at the end unless KEEP=1.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/stories/lib.sh

# A pledge that takes its time: it asks again while nobody has decided.
pledge() { device_sim onboard --registrar "$registrar" --fleet "$work/units.jsonl" --pending-seconds 60 --index "$1"; }
waits() { gangway viewer devices list --awaiting-approval | grep -q "$1"; }

step "1. Building (the first time takes some minutes)"
find_programs

step "2. Starting a server; pledges that wait for a decision ask again each second"
"$bin/onboarding-server" dev run --any-port --dir "$work" --prepare-only
sed -i 's/^\[owner\]$/[owner]\nretry_after_seconds = 1/' "$work/gangway.toml"
start_server

step "3. A delivery arrives: four units, of which purchasing told us two"
make_units delivery UNIT- 4 "$work/units.jsonl"
cat >"$work/bought.csv" <<CSV
manufacturer,serial,product,labels
example-maker,UNIT-00000001,sensor-one,site=hall-1;room=12
example-maker,UNIT-00000002,sensor-one,site=hall-1;room=14
CSV
gangway operator devices import "$work/bought.csv"

step "4. An announced device comes aboard by itself"
pledge 0
gangway viewer devices list

step "5. One that nobody announced waits for a person"
pledge 2 >"$work/third.txt" &
third=$!
wait_until waits UNIT-00000003
gangway viewer devices list --awaiting-approval

step "6. The admin has seen it on site and lets it in; the device goes on by itself"
gangway operator devices approve example-maker/UNIT-00000003 --reason "seen on site, ticket 4711"
wait "$third"
tail -n 1 "$work/third.txt"

step "7. Another one is not ours: it is refused, and learns so at its next question"
pledge 3 >"$work/fourth.txt" &
fourth=$!
wait_until waits UNIT-00000004
gangway operator devices refuse example-maker/UNIT-00000004 --reason "not ours, back to the sender"
if wait "$fourth"; then echo "it came aboard all the same"; exit 1; fi
tail -n 1 "$work/fourth.txt"

step "8. Why is that device not on the network?"
gangway viewer devices show example-maker/UNIT-00000004

step "9. The first device is scrapped: its certificate is revoked for ever"
gangway operator devices retire example-maker/UNIT-00000001 --reason "scrapped, ticket 4712" --yes
is_on_the_list() { gangway viewer authorities crl --out "$work/owner.crl" | grep -q '^revoked  *1$'; }
wait_until is_on_the_list
gangway viewer authorities crl --out "$work/owner.crl"

step "10. Somebody finds it in the bin and plugs it in again"
if pledge 0 >"$work/first.txt"; then echo "it came aboard again"; exit 1; fi
tail -n 1 "$work/first.txt"

step "11. Its whole life, that attempt included"
gangway viewer devices timeline example-maker/UNIT-00000001

cat <<TEXT

That was it. The codes above are explained in docs/reason-codes.md, the states in docs/lifecycle.md.
TEXT
