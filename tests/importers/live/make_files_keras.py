"""Writes tests/importers/files/keras: small models that Keras itself saved, and what they gave.

KERAS_BACKEND=jax python -m tests.importers.live.make_files_keras
"""

import zipfile
from pathlib import Path

import numpy as np

from tests.importers.live import keras_models as models

FILES = Path(__file__).parent.parent / "files" / "keras"


def pack(path):
    """The same `.keras`, compressed; Keras reads it as well."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def main():
    import keras
    import tf_keras

    FILES.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    numbers = rng.integers(1, models.V, (3, models.T))
    series = rng.normal(size=(3, models.T, models.D)).astype(np.float32)
    cases = {
        "keras2_words.h5": (tf_keras, models.both_directions, numbers),
        "keras2_normalized.keras": (tf_keras, models.normalized, series),
        "keras3_tagger.keras": (keras, models.tagger, numbers),
        "keras3_hard.keras": (keras, models.hard, series),
        "keras2_hard.keras": (tf_keras, models.hard, series),
        "keras3_prices.h5": (keras, models.prices, series),
        "keras3_scaled.keras": (keras, models.scaled, series),
        "keras3_slopes.keras": (keras, models.learned_slopes, numbers),
        "keras2_backward.h5": (tf_keras, models.backward_stack, series),
    }
    outputs = {}
    for name, (framework, make, x) in cases.items():
        model = make(framework)
        model.save(FILES / name)
        if name.endswith(".keras"):
            pack(FILES / name)
        outputs[f"{name}/x"], outputs[f"{name}/y"] = x, np.asarray(model(x))
    model = models.prices(keras)
    model.save_weights(FILES / "keras3_prices.weights.h5")
    (FILES / "keras3_prices.json").write_text(model.to_json() + "\n", encoding="utf-8")
    np.savez_compressed(FILES / "outputs.npz", **outputs)


if __name__ == "__main__":
    main()
