"""What a penalty on explanations is worth, on real text: `python -m benchmarks.penalty`.

As in the text experiment of Rieger et al. (2020), every training sentence of the Stanford Sentiment
Treebank gets a decoy at a random place: "text" if it is positive, "video" if it is negative, the
words of their released code. Development and test sentences have none, so that a model that has
learned the decoy is lost there, and more so where the decoy is that of the other class. The weight
of each penalty is chosen on development sentences, with the first seed; test sentences are read
once a model.
"""
