"""How fast training is, beside a plain PyTorch loop: `python -m benchmarks.training`."""
