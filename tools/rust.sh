#!/bin/sh
# Prints the folder of a Rust toolchain that is recent enough; installs one where there is none.
# Invariant: stdout carries that one line only; what installers say goes to stderr.
# Invariant: a toolchain that works already is neither changed nor passed over for a newer one.
set -u

minimum=1.78
channel=${RUST_CHANNEL:-stable}

# The search must not download: a rustup shim that has no toolchain counts as none.
RUSTUP_AUTO_INSTALL=0
RUST_BACKTRACE=0
export RUSTUP_AUTO_INSTALL RUST_BACKTRACE

# at_least 1.95.0 1.78
at_least() {
    major=${1%%.*} rest=${1#*.} minor=${rest%%[!0-9]*}
    case $major.$minor in *[!0-9.]* | .* | *.) return 1 ;; esac
    [ "$major" -gt "${2%%.*}" ] || { [ "$major" -eq "${2%%.*}" ] && [ "$minor" -ge "${2#*.}" ]; }
}

# works DIR: cargo and rustc both run from there, and are recent enough
works() {
    for tool in cargo rustc; do
        [ -x "$1/$tool" ] || return 1
        said=$("$1/$tool" --version 2>/dev/null) || return 1
        said=${said#"$tool "}
        at_least "${said%% *}" "$minimum" || return 1
    done
}

# Folders that may hold a toolchain, one a line, best first.
places() {
    echo "$PATH" | tr ':' '\n'
    echo "${CARGO_HOME:-${HOME:-}/.cargo}/bin"
    if rustup=$(find_rustup); then
        cargo=$("$rustup" which --toolchain "$channel" cargo 2>/dev/null) && dirname "$cargo"
    fi
    ls -d /usr/lib/rust-*/bin 2>/dev/null | sort -r
}

find_rustup() {
    command -v rustup || { [ -x "${HOME:-}/.cargo/bin/rustup" ] && echo "$HOME/.cargo/bin/rustup"; }
}

# The first place that works, printed; fails where there is none.
find_toolchain() {
    places | while IFS= read -r dir; do
        case $dir in /*) ;; *) continue ;; esac
        if works "$dir"; then
            echo "$dir"
            break
        fi
    done | grep .
}

say() {
    echo "rust: $*" >&2
}

# A stalled download must not hang the build for ever.
patiently() {
    if command -v timeout >/dev/null 2>&1; then timeout 600 "$@" >&2; else "$@" >&2; fi
}

install_by_rustup() {
    rustup=$(find_rustup) || return 1
    say "installing the $channel toolchain with rustup"
    patiently "$rustup" toolchain install "$channel" --profile minimal --no-self-update || return 1
    patiently "$rustup" component add --toolchain "$channel" clippy rustfmt ||
        say "going on without clippy and rustfmt"
}

can_apt() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 && command -v apt-cache >/dev/null 2>&1
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive patiently apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# The version that apt would install of a package; empty where it has none.
candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9].*\)$/\2/p'
}

install_packages() {
    say "installing the packages: $*"
    apt_get install -y --no-install-recommends "$@"
}

install_by_apt() {
    can_apt || return 1
    say "refreshing the package lists"
    apt_get update || say "the package lists could not be refreshed; going on with what is there"
    if at_least "$(candidate cargo)" "$minimum"; then
        install_packages cargo rustc || return 1
        optional='rustfmt rust-clippy'
    elif at_least "$(candidate cargo-web)" "$minimum"; then
        install_packages cargo-web rustc-web || return 1
        optional='rustfmt-web rust-web-clippy'
    else
        return 1
    fi
    for package in $optional; do
        if at_least "$(candidate "$package")" 0.0; then
            install_packages "$package" || say "going on without $package"
        fi
    done
}

install_rustup_by_apt() {
    can_apt && [ -n "$(candidate rustup)" ] && install_packages rustup && install_by_rustup
}

give_up() {
    say "no Rust toolchain of version $minimum or newer, and no way found to install one."
    say "Install one (https://rustup.rs, or your system's cargo and rustc packages),"
    say "check that \`cargo --version\` prints $minimum or newer, and run this again."
    exit 1
}

find_toolchain && exit 0
say "no working cargo $minimum or newer on this machine"
for way in install_by_rustup install_by_apt install_rustup_by_apt; do
    $way && find_toolchain && exit 0
done
give_up
