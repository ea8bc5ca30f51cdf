"""Train a network until it is certified to stay within 1/64 of x² on the whole interval [0, 1].

The 24 samples leave gaps; the counterexamples show where, exactly.
"""

import sympy
import torch

import verifai as vf

SEED = 0

torch.set_num_threads(1)
torch.manual_seed(SEED)
net = torch.nn.Sequential(
    torch.nn.Linear(1, 16),
    torch.nn.ReLU(),
    torch.nn.Linear(16, 16),
    torch.nn.ReLU(),
    torch.nn.Linear(16, 1),
)
samples = torch.rand(24, 1)
x = sympy.Symbol("x")
report = vf.train_until_verified(
    net,
    vf.approximation_property(x**2, [(0, 1)], tolerance="1/64", parts=8),
    (samples, samples**2),
    options=vf.TrainingOptions(epochs=200, retrain_epochs=200, weight=10, seed=SEED),
    progress=print,
)
print(f"{report.reason} (seed {report.seed}, trained on {report.device})")
missed = [inputs[0] for inputs in report.rounds[0].counterexamples]
print("the first network misses at", ", ".join(str(x) for x in missed))
