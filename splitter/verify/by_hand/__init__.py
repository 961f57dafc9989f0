"""Two revisions of a crate to judgements: any split, also one that was made by hand."""
