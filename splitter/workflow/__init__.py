"""What each command does, step by step, with the outside world passed in."""
