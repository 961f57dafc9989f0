"""Why an item stands where the plan has it, as text: what it is like, what it uses, where else it might go."""

from splitter.planner.explain import Explanation, Likeness


def explanation_text(found: Explanation) -> str:
    """The whole explanation, a line for each fact."""
    rows = [f"{found.key}: {found.module or 'stays in the source'}{' (locked)' if found.locked else ''}"]
    if found.why:
        rows.append(f"  because: {found.why}")
    if found.nearest:
        rows += ["", "  most alike:", *(f"    {_likeness(one)}" for one in found.nearest)]
    if found.alternatives:
        rows += [
            "",
            "  modules by mean likeness:",
            *(f"    {value:6.3f}  {path}" for path, value in found.alternatives),
        ]
    for title, ties in (("uses", found.uses), ("used by", found.users)):
        if ties:
            rows += ["", f"  {title}:", *(f"    {key} ({place or 'stays'})" for key, place in ties)]
    return "\n".join(rows) + "\n"


def _likeness(one: Likeness) -> str:
    terms = ", ".join(f"{name} {share:.2f}" for name, share in one.terms)
    return f"{one.value:6.3f}  {one.key} ({one.module or 'stays'}): {terms}"
