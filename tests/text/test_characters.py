# ruff: noqa: RUF001 - typographic characters are the subject
import time
import unicodedata

import pytest
from cdjax.text.characters import read_characters
from cdjax.text.tokenizer import tokenize, tokenize_with_offsets
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT

CASES = ROOT / "tests" / "cases"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # Entities: by name and number, put in twice, without the semicolon.
        ("It isn&#8217;t &quot;good&quot; &amp;amp; fun", "It is n't `` good '' & fun"),
        ("caf&eacute;&nbsp;au&nbsp;lait &#x1F600;", "café au lait 😀"),
        ("salt &amp pepper &quot", "salt & pepper ''"),
        ("&lt;br /&gt;Fine&lt;3", "Fine < 3"),
        ("AT&T; R&D &nosuch; &", "AT & T ; R & D & nosuch ; &"),
        # Tags: breaks, pairs, attributes, comments; what only looks like one is text.
        ("A bad film.<br /><br />It can't end.<BR>Ever", "A bad film . It ca n't end . Ever"),
        ("one< br / >two", "one two"),
        ('<p class="x">See <a href="http://a.b/?c=d&e">it</a>, <b>now</b></p>', "See it , now"),
        ("un<i>believ</i>able", "un believ able"),
        ("good<!-- not --> film", "good film"),
        ("I <3 it <unk> x <y and z> a<b", "I < 3 it < unk > x < y and z > a < b"),
        ("<b and c>", "< b and c >"),
        # Emoji: each is one, with its modifiers.
        ("So amazing💖 it❤️!", "So amazing 💖 it ❤ !"),
        ("😂😂👍🏽🇩🇪🇫🇷", "😂 😂 👍🏽 🇩🇪 🇫🇷"),
        ("1️⃣Plot", "1 Plot"),
        # Apostrophes.
        ("isn’t isnʼt isn＇t isn‘t isn‛t isn`t isn´t isn′t", " ".join(["is n't"] * 8)),
        ("‘tis the ‘80s, ‘em", "'t is the '80s , 'em"),
        ("‘so’ `` ` quoted ' ''", "` so ' `` ` quoted ' ''"),
        ("l’été", "l'été"),
        # One form of a letter.
        ("cafe\u0301 A\u030angstro\u0308m \u212b \u1112\u1161\u11ab", "café Ångström Å 한"),
        # What is not seen.
        ("re\u00admake\u200b \u202eno\u202c wo\u2060rd\ufeff", "remake no word"),
        ("10 − 5–7 ‒ 8", "10 - 5 -- 7 -- 8"),
    ],
)
def test_disguises(text, tokens):
    assert tokenize(text) == tokens.split(" ")


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("html-entities", ["It was n't good", "Great food & great staff"]),
        ("emoji-glued", ["So amazing 💖", "I love it ❤"]),
    ],
)
def test_cases(case, expected):
    lines = (CASES / case / "r.txt").read_text(encoding="utf-8").splitlines()
    assert [" ".join(tokenize(line)) for line in lines] == expected


def test_both_forms_of_a_letter_are_one_word():
    lines = (CASES / "nfd" / "r.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] != lines[1]
    assert tokenize(lines[0]) == tokenize(lines[1])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("isn&#8217;t bad<br/>amazing💖", ["is", "n&#8217;t", "bad", "amazing", "💖"]),
        ("&amp;quot;hi&quot; cafe\u0301", ["&amp;quot;", "hi", "&quot;", "cafe\u0301"]),
        ("❤️1️⃣", ["❤️", "1️⃣"]),
        ("re\u00admake", ["re\u00admake"]),
        ("&lt;b&gt;", []),
    ],
)
def test_offsets_are_of_the_text_as_it_was_given(text, pieces):
    offsets = tokenize_with_offsets(text)[1].tolist()
    assert [text[start:stop] for start, stop in offsets] == pieces


@given(st.text(st.sampled_from(list("ab1 <>/&;#\"'=`´’😀🏽\u200d\ufe0f\u0301é…-br")), max_size=40))
def test_origins_cover_the_text_in_order(text):
    read = read_characters(text)
    assert read.origins.shape == (len(read.text), 2)
    assert ((read.origins >= 0) & (read.origins <= len(text))).all()
    assert (read.origins[:, 0] <= read.origins[:, 1]).all()
    starts = read.origins[:, 0]
    assert (starts[1:] >= starts[:-1]).all()
    for character, (start, stop) in zip(read.text, read.origins.tolist(), strict=True):
        if character.isalnum() and "&" not in text:
            composed = unicodedata.normalize("NFC", text[start:stop])
            assert character in composed


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(piece, marks=pytest.mark.thorough if n % 3 else ())
        for n, piece in enumerate([
            "&amp;", "amp;", "<b ", '<a b="', " x=y", "💖\u200d", "e\u0301\u0316", "`a", "<!--",
            "<br ", "\u0301", "&#8217;", " ", "<", "&",
        ])
    ],
)  # fmt: skip
def test_time_grows_with_the_length_only(piece):
    def seconds(times):
        begun = time.process_time()
        read_characters("&amp;<a" + piece * times)
        return time.process_time() - begun

    seconds(10)
    assert seconds(100_000) < 40 * seconds(10_000) + 0.1  # 100 times, were it the square
