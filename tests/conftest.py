"""What any test may ask for: the repository, cargo, and the folder where builds are kept.

Invariant: whatever a test run leaves in the repository lies in `.cache/`.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"

# What a person has set for other builds must not decide what these do.
FOREIGN = ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTDOCFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER")

Cargo = Callable[..., subprocess.CompletedProcess[str]]

set_hypothesis_home_dir(CACHE / "hypothesis")
# A busy machine is slow, not wrong. A build server tries the same examples each time; new ones are tried by people.
settings.register_profile("steady", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("steady")


def _hear(number: int) -> None:
    """Handle a signal that we were started to ignore; in what we start it then does what it usually does."""
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else lambda *_: None)


# In the background of a script, or under nohup, we and all that we start would ignore what some tests send.
if threading.current_thread() is threading.main_thread():
    for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        _hear(_number)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def cargo_target() -> Path:
    """Where builds are kept between runs.

    Give each crate and feature set a folder of its own below it: the file name of a cdylib does
    not tell feature sets apart, so in one folder each would overwrite the other.
    """
    target = CACHE / "target"
    target.mkdir(parents=True, exist_ok=True)
    return target


@pytest.fixture(scope="session")
def cargo(cargo_target: Path) -> Cargo:
    """Runs cargo in a crate's folder; the test fails with cargo's own output where cargo fails.

    `cargo("test", "--all-features", cwd=crate, target="crate-all")`; `variables` add to its surroundings.
    """
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {"CARGO_TERM_COLOR": "never", "CARGO_NET_OFFLINE": "true"}

    def run(
        *arguments: str, cwd: Path, target: str, check: bool = True, variables: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["cargo", *arguments],
            cwd=cwd,
            env=environment | {"CARGO_TARGET_DIR": str(cargo_target / target)} | dict(variables),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if check and done.returncode:
            said = f"$ cargo {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
            pytest.fail(said, pytrace=False)
        return done

    try:
        run("--version", cwd=ROOT, target="none")
    except FileNotFoundError:
        pytest.fail("cargo is not on PATH: `make test` finds or installs it", pytrace=False)
    return run
