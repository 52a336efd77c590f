"""Planted truth: networks trained on languages in which the right score of every phrase is known.

The definition, committed before any rule or method was measured by it.

**Languages** (`languages`). A text is a row of words; its value is a number that four grammars
define. Opinion words have the values 0.5, 1, -0.5 and -1; `<unk>`, `.` and `so` have none in any
language, so that it makes no difference whether a word is removed or replaced by one of them.

- *negation*: the sum of the opinion words; `not` turns the sign of the next one.
- *intensifier*: the sum of the opinion words; `very` doubles the next one, once.
- *reset*: the sum of the opinion words after the last `but`.
- *parity*: 1.5 where the number of `flip` is odd, -1.5 where it is even.

**Networks** (`networks`). For each language an LSTM and a GRU of two logits, trained by
`cdjax.training` on random texts of 1 to 10 words, so that the positive logit less the negative one
is the value. Their error is stated: the root mean square of the difference, on texts drawn anew
(the short ones occur in training as well: there are not more).

**Right scores** (`truth`). A network's score of a phrase (positive less negative logit) is held
against two readings of "what the phrase contributes"; they differ exactly where words interact:

- *alone*: the value of the phrase as a text of its own, less that of the empty text. This is what
  contextual decomposition says it shows.
- *shapley*: the phrase's exact Shapley value in the text, as one player among the other words, in
  the game whose value is the language's, the words outside of a coalition removed. This is the fair
  share of a phrase in the value of the text.

And for each way to cut a phrase in two, the *interaction* of the parts: the score of the phrase
less those of its parts, beside the same of its right scores `alone`.

**Measured** (`measure`): Pearson's correlation over all phrases of 200 texts of 6 to 10 words,
drawn anew, with a 95% interval by bootstrap over texts; by the number of words after the phrase as
well (0, 1-2, 3 or more). Where scores are in logits, also the error: the root mean square of their
difference from the right ones, divided by the root mean square of the right ones.

**The figure of a rule or method** is the mean of the correlations with *alone* and with *shapley*,
over the four languages and the two kinds of cells. What is constant where the right scores are not
has the correlation 0. Neither reading is preferred: a rule is to come near to both.
"""
