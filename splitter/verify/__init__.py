"""Evidence of two trees to judgements: one check a file."""
