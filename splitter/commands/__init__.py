"""The command line, one command a file: arguments in, a report and an exit code out."""
