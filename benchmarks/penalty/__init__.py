"""Effect of a penalty on explanations, on real text: `python -m benchmarks.penalty`.

As in the text experiment of Rieger et al. (2020), a decoy is inserted into every training sentence
of the Stanford Sentiment Treebank at a random position: "text" if it is positive, "video" if it is
negative, the words of their released code. Development and test sentences have none, so that a
model that relies on the decoy fails on them, and fails more often where a test sentence has the
decoy of the other class. The weight of each penalty is chosen on development sentences, with the
first seed; test sentences are read once for each model.
"""
