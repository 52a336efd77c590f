from cdjax.results.thresholds import thresholds
from cdjax.results.wording import sides
from cdjax.viz.scale import STEPS, step


def test_scale_is_one_for_all_texts():
    scores = (-9.0, -2.0, -1.9, -0.5, -0.4, 0.0, 0.5, 1.9, 2.0)
    assert [STEPS.index(step(score)) for score in scores] == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert step(0.1, thresholds("probability")) == STEPS[3]
    assert step(1.9, thresholds("standard deviations")) == STEPS[3]
    assert step(float("nan")).symbol == "n/a"
    assert thresholds("probability") == (0.05, 0.2)


def test_sides_are_named_by_the_models_labels():
    labels = "praise", "blame", "other"

    def of(*weights):
        return sides(labels, dict(zip(labels, weights, strict=True)))

    assert of(0.0, 2.0, 0.0) == ("against blame", "for blame")
    assert of(0.0, -1.0, 0.0) == ("for blame", "against blame")
    assert of(1.0, -1.0, -1.0) == ("for blame and other", "for praise")
