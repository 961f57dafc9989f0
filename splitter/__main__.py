"""`python -m splitter`."""

from splitter.cli import main

if __name__ == "__main__":
    main()
