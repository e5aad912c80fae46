# Every target works on a fresh Debian 12 machine with only a Rust toolchain: each installs what it needs first.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# What the build itself needs, and the strangers that the interoperability tests call.
BUILD_PACKAGES := gcc libc6-dev libssl-dev make pkg-config
FUZZ_PACKAGES := g++
TEST_PACKAGES := openssl curl ca-certificates gnutls-bin libcoap3-bin strongswan-pki libstrongswan-standard-plugins \
                 libstrongswan-extra-plugins python3 python3-cbor2 python3-cryptography python3-venv systemd

.PHONY: help
help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: deps-build
deps-build:
	@deploy/install-packages.sh $(BUILD_PACKAGES)

.PHONY: deps
deps: ## Installs the Debian packages and cargo tools that the other targets need.
	@deploy/install-packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@tests/interop/grpc_python/install.sh
	@command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest

.PHONY: demo
demo: deps-build ## Makes 200 units, onboards them, refuses the attackers, shows one device's history.
	@tests/stories/demo/run.sh

.PHONY: test
test: deps fmt clippy ## Runs every test ring: unit, crate, property, fuzz corpus, e2e, interop, stories, guide, tidy.
	cargo build --workspace --bins --locked
	cargo nextest run --workspace --locked
	cargo test --doc --workspace --locked --quiet

.PHONY: fmt
fmt:
	cargo fmt --all --check

.PHONY: clippy
clippy: deps-build
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: bench
bench: deps-build ## Measures factory and onboarding beside their crypto floor; writes target/bench.json.
	cargo build --release --locked -p onboarding-server -p tests
	cargo run --release --locked --quiet -p tests --bin bench

# For each target; more than the ten minutes of a full run finds little, less is a first look.
SECONDS ?= 600

.PHONY: fuzz
fuzz: deps-build ## Tries every parser with any bytes, SECONDS=600 each; stops at an input that breaks one.
	@deploy/install-packages.sh $(FUZZ_PACKAGES)
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	tests/fuzz/run.sh $(SECONDS)

.PHONY: audit
audit: deps-build ## Checks licences, bans and sources of the dependencies; advisories where their database is present.
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --all-features check bans licenses sources
