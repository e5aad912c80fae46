# What the stories share: the programs, a server of their own on loopback, and who speaks to it. Sourced by each run.sh.
#
# GANGWAY_BIN names a directory with the three programs; without it they are built. Everything happens in a directory of its
# own, which is removed at the end unless KEEP=1.

work=$(mktemp -d "${TMPDIR:-/tmp}/gangway-story.XXXXXX")
profiles=$work/state/admin/profiles
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Sets $bin.
find_programs() {
    bin=${GANGWAY_BIN:-}
    if [ -z "$bin" ]; then
        cargo build --quiet --locked --bins -p onboarding-server -p gangway -p device-sim
        bin=${CARGO_TARGET_DIR:-target}/debug
    fi
}

# Waits until a command succeeds, a minute at most.
wait_until() {
    for _ in $(seq 600); do
        if "$@"; then return 0; fi
        if [ -n "$server" ] && ! kill -0 "$server" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "this never came: $*" >&2
    cat "$work/server.log" >&2
    return 1
}

# Starts the server in $work and sets $registrar and $api.
start_server() {
    "$bin/onboarding-server" dev run --any-port --dir "$work" >"$work/server.log" 2>&1 &
    server=$!
    wait_until test -e "$work/state/ready.json"
    registrar=https://localhost:$(port owner)
    api=https://localhost:$(port admin)
    echo "registrar $registrar, API $api"
}
port() { sed -n "s/.*\"$1\":\"[^\"]*:\([0-9]*\)\".*/\1/p" "$work/state/ready.json"; }

# gangway WHO WORD...: the operators' command line as viewer, operator, station or admin.
gangway() { "$bin/gangway" --profile "$profiles/$1.toml" "${@:2}"; }

# device_sim WORD...
device_sim() { "$bin/device-sim" "$@"; }

# Prints the options by which device-sim speaks to the API as WHO.
api_as() {
    echo --profile "$profiles/$1.toml"
}

# make_units ORDER PREFIX COUNT FILE: has the factory make units.
make_units() {
    # shellcheck disable=SC2046 # The options are words without spaces.
    device_sim make $(api_as station) --anchors "$work/state/maker/pki/root.pem" --manufacturer example-maker \
        --product sensor-one --order "$1" --serial-prefix "$2" --count "$3" --out "$4"
}
