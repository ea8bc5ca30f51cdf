"""`python -m verifai` is the command `verifai`. May import: cli. Must not know: anything else."""

from verifai.cli import main

main()
