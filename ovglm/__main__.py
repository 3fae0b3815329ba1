"""`python -m ovglm`: the same as the `ovglm` command."""

from ovglm.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
