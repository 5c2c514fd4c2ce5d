# tapcompare. `make demo` and `make test` set up what they need themselves.

# Where rustup puts its tools, for shells that have not been told yet; and where nginx is, which not everybody's PATH has.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/sbin:/sbin

# Arguments for the demo: make demo ARGS="--defect price-rounding,slow-search"
ARGS ?=
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 20
# How long `make soak` goes on.
SOAK_MINUTES ?= 30
# How many runs of each row `make calibrate` simulates, and which: others with another seed.
RUNS ?= 2000
SEED ?= 0

.PHONY: help setup demo test bench calibrate soak fuzz record

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(firstword $(MAKEFILE_LIST))

setup: ## install what the build needs (libpcap's headers), where it is missing
	@scripts/setup.sh

demo: setup ## the whole walk on a recorded shop: capture, candidate, verdict, page
	@# 0, 1 and 3 are verdicts; anything else is trouble.
	@cargo run --profile demo --locked -- demo $(ARGS); status=$$?; case $$status in 0|1|3) ;; *) exit $$status ;; esac

test: ## format, lints and every test
	@scripts/setup.sh test
	cargo fmt --check
	cargo clippy --locked --all-targets --features otlp -- -D warnings
	cargo test --locked --features otlp
	@# As most people build it. With a test, so that dependencies are those of above and only this package is built again.
	cargo clippy --locked --lib --bins --test otlp -- -D warnings
	cargo test --locked --test otlp

bench: setup ## measure the parts and a whole file, see benches/README.md
	cargo bench --locked
	benches/side_by_side.sh
	@if [ "$$(id -u)" = 0 ]; then scripts/setup.sh test && benches/watch.sh && benches/tee.sh && benches/serve.sh && benches/rules.sh; else echo "benches/watch.sh, tee.sh, serve.sh and rules.sh need root: left out"; fi

calibrate: setup ## simulate how often the verdict's statistics are wrong, with fixed seeds (SEED=1000000 for others)
	cargo run --profile demo --locked --example calibrate -- $(RUNS) $(SEED)

soak: ## live traffic of all kinds for SOAK_MINUTES: neither memory nor descriptors may grow
	@scripts/setup.sh test
	SOAK_MINUTES=$(SOAK_MINUTES) cargo test --profile demo --locked --test live soak -- --ignored --nocapture
	cargo test --profile demo --locked --test tee -- --ignored

# No sanitizer: there is no unsafe code of ours, and without one the stable toolchain will do.
fuzz: setup ## each fuzz target for FUZZ_SECONDS
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	@targets=$$(cargo fuzz list) && for target in $$targets; do \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; done

record: setup ## record captures/shop.pcap anew (root or the right to capture is needed)
	captures/record-shop.sh
