"""Choices of features in which a crate is built.

Source: The Cargo Book, "Features".
Invariant: two choices that enable the same features are one configuration.
"""

import re
from collections.abc import Iterable

from splitter.model.evidence import Configuration
from splitter.system.package import Package

_FEATURE = re.compile(r'\bfeature\s*=\s*"([^"]+)"')


def gating_features(cfgs: Iterable[str]) -> tuple[str, ...]:
    """Names of the features that `cfg` predicates ask for, sorted."""
    return tuple(sorted({name for cfg in cfgs for name in _FEATURE.findall(cfg)}))


def configurations(
    package: Package, gating: Iterable[str] = (), chosen: tuple[str, ...] = ()
) -> tuple[Configuration, ...]:
    """Default, no default features, all features, and each feature that gates moved items.

    `chosen` are the features that the user named: they are on in every configuration.
    """
    known = package.features
    by_choice = ("--features", ",".join(chosen)) if chosen else ()
    wanted = [
        (Configuration("default", by_choice), {"default", *chosen}),
        (Configuration("no default features", ("--no-default-features", *by_choice)), set(chosen)),
        (Configuration("all features", ("--all-features",)), set(known)),
    ]
    for name in sorted(set(gating) & set(known)):
        flags = ("--features", ",".join((*chosen, name)))
        wanted.append((Configuration(f"feature {name}", flags), {"default", *chosen, name}))
    found: dict[frozenset[str], Configuration] = {}
    for configuration, names in wanted:
        found.setdefault(_closure(known, names), configuration)
    return tuple(found.values())


def _closure(known: dict[str, tuple[str, ...]], names: set[str]) -> frozenset[str]:
    """Everything that features enable together, features of dependencies (`dep:x`, `x/y`) included as they stand."""
    enabled: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name not in enabled:
            enabled.add(name)
            waiting += known.get(name, ())
    return frozenset(enabled - {"default"})
