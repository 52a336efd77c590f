"""What follows from the scores of phrases: interactions, trees, vectors and neighbours."""
