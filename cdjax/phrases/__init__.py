"""What scores of phrases tell together: interactions, and the phrases that stand out."""
