"""Accuracy of the paper's models, trained here: `python -m benchmarks.accuracy`.

Models are trained, saved and measured one after the other; saved models are not trained again.
Everything is chosen on development data; test data are read once, for the reported figure.
"""
