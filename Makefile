# Everything that a contributor and CI run. CI runs the same targets: .ci/run.
#
#   make check    formatting, lints, documentation: seconds after the first time
#   make test     every test there is: Rust, web, fuzz targets, deploy files, browsers
#   make e2e      the browser journeys alone
#   make sockets  whole calls by Socket.IO clients
#   make instructions   count what forwarding a packet takes, against the figure on record
#   make fuzz     fuzz every parser, FUZZ_SECONDS each
#   make schemathesis   ask the API what its description says, and more

FUZZ_SECONDS ?= 15
CARGO_TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo nextest run || echo test --all-targets)

.PHONY: check format lint doc test setup rust instructions web deploy fuzz schemathesis sockets e2e

check: format lint doc

format:
	cargo fmt --all --check
	cargo fmt --manifest-path media/fuzz/Cargo.toml --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# The binary that the Rust tests were built with: building it alone would build its
# dependencies again, with fewer features.
test: export CONVOKE_BINARY := $(CURDIR)/target/debug/convoke
test: setup rust instructions web deploy fuzz schemathesis sockets e2e

# Installs what the tests need, as root; otherwise says what is missing.
setup:
	scripts/setup.sh

rust: setup
	cargo $(CARGO_TEST) --workspace
	cargo test --workspace --doc

# Of the binaries that the Rust tests were built with.
instructions: rust
	scripts/instructions.sh

web: setup
	cd web && npm run check

deploy: setup
	scripts/check-deploy.sh

fuzz: setup
	scripts/fuzz.sh $(FUZZ_SECONDS)

# Everything that the API says can be asked, and much that it does not.
schemathesis: setup
	scripts/schemathesis.sh

# Real Socket.IO clients.
sockets: setup
	scripts/sockets.sh

e2e: setup
	scripts/e2e.sh
