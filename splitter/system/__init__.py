"""The only place that touches disk, processes and the clock."""
