"""`python -m verifai` is the command `verifai`. May import: start. Must not know: anything else."""

from verifai.start import main

main()
