"""``python -m daypass`` is the command line."""

from daypass.cli.main import main

if __name__ == "__main__":
    main()
