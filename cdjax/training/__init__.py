"""Training recurrent classifiers with Flax and optax; only plain arrays leave this package."""

try:
    import flax  # noqa: F401
    import optax  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"training needs flax and optax ({error}); install them with: pip install 'cdjax[train]'"
    ) from error
