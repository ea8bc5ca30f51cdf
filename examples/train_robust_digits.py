"""Train a digit classifier until ten unseen images are certified robust, and stay accurate.

Pixels lie between 0 and 1, and each may change by up to 1/16 (one grey level of the data). After
ordinary training some images have counterexamples; the network learns from them, round by round.
"""

import torch
from sklearn.datasets import load_digits

import verifai as vf

SEED, TRAINED, IMAGES = 1, 1400, 10

torch.set_num_threads(1)
torch.manual_seed(SEED)
digits = load_digits()
pixels = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
net = torch.nn.Sequential(torch.nn.Linear(64, 24), torch.nn.ReLU(), torch.nn.Linear(24, 10))

chosen = slice(TRAINED, TRAINED + IMAGES)
report = vf.train_until_verified(
    net,
    vf.robust_property(pixels[chosen].numpy(), labels[chosen].tolist(), eps="1/16", clip=(0, 1)),
    (pixels[:TRAINED], labels[:TRAINED]),
    options=vf.TrainingOptions(epochs=30, retrain_epochs=15, batch=128, rounds=20, seed=SEED),
    progress=print,
)
right = (net(pixels[TRAINED:].to(report.device)).argmax(1).cpu() == labels[TRAINED:]).float().mean()
print(f"{report.reason} (seed {report.seed}, trained on {report.device})")
print(f"accuracy on unseen digits: {right:.3f}")
for query, certificate in zip(report.queries, report.certificates, strict=True):
    vf.check(query, certificate)
print(f"{len(report.certificates)} certificates checked again")
