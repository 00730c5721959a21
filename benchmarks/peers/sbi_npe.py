"""Train and time the peer, `sbi`'s NPE with a neural spline flow, in its own environment.

Usage: python sbi_npe.py IN.npz OUT.npz. Nothing of this project is imported. Optional in the
input: `low` and `high` of a box for the prior in place of `prior_scale`, `seconds` of CPU time for
training, `validation`, the share of rows held out, `n_accept`, and `reject`, whether draws outside
of the prior are drawn again.
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


class Timed(NPE):
    """NPE that ends after the epoch nearest to so many CPU seconds, with the best weights."""

    seconds, start = np.inf, 0.0

    def _converged(self, epoch: int, stop_after_epochs: int) -> bool:
        done = super()._converged(epoch, stop_after_epochs)
        spent = time.process_time() - self.start
        if not done and epoch and spent * (1 + 0.5 / epoch) > self.seconds:
            self._neural_net.load_state_dict(self._best_model_state_dict)
            done = True
        return done


def main(source: str, target: str) -> None:
    """Fit on the training rows, score the test rows, time the draws."""
    data = dict(np.load(source).items())
    torch.manual_seed(int(data["seed"]))
    torch.set_num_threads(int(data["threads"]))
    theta, x, theta_test, x_test = (
        torch.as_tensor(data[name], dtype=torch.float32)
        for name in ("theta", "x", "theta_test", "x_test")
    )
    bounded = bool(data["bounded"])
    if "low" in data:
        low, high = (torch.as_tensor(data[n], dtype=torch.float32) for n in ("low", "high"))
    else:
        high = float(data["prior_scale"]) * torch.ones(theta.shape[1])
        low = -high
    if bounded:
        prior = BoxUniform(low, high)
    else:
        prior = Independent(Normal(torch.zeros_like(high), high), 1)

    inference = Timed(prior=prior, density_estimator="nsf", show_progress_bars=False)
    inference.append_simulations(theta, x)
    start = time.perf_counter(), time.process_time()
    inference.seconds, inference.start = float(data.get("seconds", np.inf)), start[1]
    # Defaults of sbi 0.27: batch 200, Adam at 5e-4, 10 % validation, patience 20 epochs.
    estimator = inference.train(validation_fraction=float(data.get("validation", 0.1)))
    train = time.perf_counter() - start[0], time.process_time() - start[1]
    posterior = inference.build_posterior(estimator)

    n_accept = int(data.get("n_accept", N_ACCEPT))
    with torch.no_grad():
        log_prob = estimator.log_prob(theta_test[None], condition=x_test)[0]
        accepted = torch.ones(len(x_test))
        if bounded:
            for i in range(0, len(x_test), 50):
                draws = estimator.sample((n_accept,), condition=x_test[i : i + 50])
                inside = ((draws >= low) & (draws <= high)).all(dim=-1)
                accepted[i : i + 50] = inside.float().mean(dim=0)

    observed = torch.as_tensor(data["x_observed"], dtype=torch.float32)
    n_draws = int(data["n_draws"])
    options = {
        "show_progress_bars": False,
        "reject_outside_prior": bool(data.get("reject", True)),
    }

    def sample(x: torch.Tensor) -> np.ndarray:
        times = []
        for _ in range(int(data["repeats"])):
            start = time.perf_counter(), time.process_time()
            posterior.sample_batched((n_draws,), x=x, **options)
            times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        return np.min(times, axis=0)

    posterior.sample_batched((10,), x=observed[:2], **options)
    wall, cpu = sample(observed)
    np.savez(
        target,
        log_prob=log_prob.numpy(),
        accepted=np.maximum(accepted.numpy(), 1 / n_accept),
        epochs=inference.summary["epochs_trained"][-1],
        train_wall=train[0],
        train_cpu=train[1],
        sample_wall=wall,
        sample_cpu=cpu,
        sample_one_cpu=sample(observed[:1])[1],
        training_nll=inference.summary["training_loss"][-1],
        validation_nll=inference.summary["validation_loss"][-1],
        version=f"sbi {sbi.__version__}, torch {torch.__version__}",
        parameters=sum(p.numel() for p in estimator.parameters()),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
