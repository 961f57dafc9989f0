#!/bin/sh
# Runs what of native_ref's tests touches memory and threads under Miri, which finds undefined behaviour and data races.
# Invariant: installs nothing; where there is no nightly toolchain with Miri it says how to get one, and fails.
set -u

channel=${MIRI_CHANNEL:-nightly}
# A shim of rustup must not download a toolchain unasked.
RUSTUP_AUTO_INSTALL=0
export RUSTUP_AUTO_INSTALL

# Isolation off: the tests use the clock. Leaks are meant: values and boxed numbers live as long as the process.
# Several processors, or the parallel loops have no threads to run on. Addresses may be made from integers: a pointer
# crosses the boundary as a value, which is a word, and comes back from it.
MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-num-cpus=4 -Zmiri-permissive-provenance ${MIRIFLAGS:-}"
export MIRIFLAGS

# The modules of tests/runtime for the core, for collections, and for what threads share.
core='errors:: memory:: value_ops::'
collections='arrays:: dicts:: equality:: hash:: objects:: strings:: tuples::'
concurrent='actors:: aop:: channels:: concurrent:: executor:: futures:: generators:: gpu_atomic:: par:: sync:: threads::'

rustup=$(command -v rustup) || rustup=${HOME:-}/.cargo/bin/rustup
if ! "$rustup" run "$channel" cargo miri --version >/dev/null 2>&1; then
    echo "miri: no $channel toolchain with Miri on this machine. With rustup (https://rustup.rs) this installs one:" >&2
    echo "    rustup toolchain install $channel --profile minimal --component miri --component rust-src" >&2
    echo "Then run this again. MIRI_CHANNEL names another toolchain, such as nightly-2026-01-01." >&2
    exit 1
fi

cd "$(dirname "$0")/../native_ref" || exit 1
# One test after the other: Miri runs on one processor, and some tests measure time.
"$rustup" run "$channel" cargo miri test --lib -- --test-threads=1 || exit 1
# shellcheck disable=SC2086 # each filter is a word
"$rustup" run "$channel" cargo miri test --test runtime -- --test-threads=1 $core $collections $concurrent
