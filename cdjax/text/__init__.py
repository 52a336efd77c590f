"""From text to word numbers: tokens, vocabulary, trees and files of reviews. No JAX here."""
