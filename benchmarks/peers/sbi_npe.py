"""Train and time the peer, `sbi`'s NPE with a neural spline flow, in its own environment.

Usage: python sbi_npe.py IN.npz OUT.npz. Nothing of this project is imported.
"""

import sys
import time

import numpy as np
import sbi
import torch
from sbi.inference import NPE
from sbi.utils import BoxUniform
from torch.distributions import Independent, Normal

N_ACCEPT = 200  # draws per test row that measure how much density leaks out of the prior


def main(source: str, target: str) -> None:
    """Fit on the training rows, score the test rows, time the draws."""
    data = dict(np.load(source).items())
    torch.manual_seed(int(data["seed"]))
    torch.set_num_threads(int(data["threads"]))
    theta, x, theta_test, x_test = (
        torch.as_tensor(data[name], dtype=torch.float32)
        for name in ("theta", "x", "theta_test", "x_test")
    )
    scale = float(data["prior_scale"]) * torch.ones(theta.shape[1])
    bounded = bool(data["bounded"])
    if bounded:
        prior = BoxUniform(-scale, scale)
    else:
        prior = Independent(Normal(torch.zeros_like(scale), scale), 1)

    inference = NPE(prior=prior, density_estimator="nsf", show_progress_bars=False)
    inference.append_simulations(theta, x)
    start = time.perf_counter(), time.process_time()
    # Defaults of sbi 0.27: batch 200, Adam at 5e-4, 10 % validation, patience 20 epochs.
    estimator = inference.train()
    train = time.perf_counter() - start[0], time.process_time() - start[1]
    posterior = inference.build_posterior(estimator)

    with torch.no_grad():
        log_prob = estimator.log_prob(theta_test[None], condition=x_test)[0]
        accepted = torch.ones(len(x_test))
        if bounded:
            for i in range(0, len(x_test), 50):
                draws = estimator.sample((N_ACCEPT,), condition=x_test[i : i + 50])
                accepted[i : i + 50] = (draws.abs() <= scale).all(dim=-1).float().mean(dim=0)

    observed = torch.as_tensor(data["x_observed"], dtype=torch.float32)
    n_draws = int(data["n_draws"])

    def sample() -> None:
        posterior.sample_batched((n_draws,), x=observed, show_progress_bars=False)

    posterior.sample_batched((10,), x=observed[:2], show_progress_bars=False)
    times = []
    for _ in range(int(data["repeats"])):
        start = time.perf_counter(), time.process_time()
        sample()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, cpu = np.min(times, axis=0)
    np.savez(
        target,
        log_prob=log_prob.numpy(),
        accepted=np.maximum(accepted.numpy(), 1 / N_ACCEPT),
        epochs=inference.summary["epochs_trained"][-1],
        train_wall=train[0],
        train_cpu=train[1],
        sample_wall=wall,
        sample_cpu=cpu,
        version=f"sbi {sbi.__version__}, torch {torch.__version__}",
        parameters=sum(p.numel() for p in estimator.parameters()),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
