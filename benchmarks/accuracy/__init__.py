"""How accurate the paper's models are when trained here: `python -m benchmarks.accuracy`.

A model is trained, written and measured at a time, and one that is there is not trained again.
Choices are made on development data; test data are read once, for the figure reported.
"""
