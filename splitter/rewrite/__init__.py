"""Source and phase to change set: modules, re-exports, imports, visibility, paths."""
