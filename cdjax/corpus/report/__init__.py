"""What a page shows of a scored corpus, read from its Parquet in bounded memory.

The corpus is gone through part by part, a few times: for which reviews to show (`reviews`), which
phrases (`selection`), their numbers (`statistics`), and the words and scores of what is shown
(`shown`). What is kept meanwhile depends on how much is shown, not on the corpus.
"""
