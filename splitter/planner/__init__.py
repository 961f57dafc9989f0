"""Graph to plan: which item goes to which module, in which phase, and why."""
