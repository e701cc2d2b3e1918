"""`python -m renewd` is `renewd`."""

from renewd.cli import main

if __name__ == "__main__":
    main()
