import numpy as np
import pytest
from cdjax.text.scripts import check_words, find_unspaced_script
from cdjax.text.tokenizer import tokenize


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("这部电影真的很好看,我非常喜欢。", "Chinese or Japanese"),
        ("この映画はとても面白かった。", "Chinese or Japanese"),
        ("コンピューターゲームの映画", "Chinese or Japanese"),
        ("ภาพยนตร์เรื่องนี้สนุกมาก", "Thai"),
        ("ຮູບເງົາເລື່ອງນີ້ມ່ວນຫຼາຍ", "Lao"),
        ("ភាពយន្តនេះពិតជាល្អណាស់", "Khmer"),
        ("ဒီရုပ်ရှင်ကတော်တော်ကောင်းတယ်", "Burmese"),
        ("这部 电影 真的 很 好看", None),
        ("The film 君の名は is lovely, and so is 千と千尋の神隠し, if you ask me", None),
        ("Это не плохой фильм", None),
        ("이 영화는 정말 재미있다", None),
        ("هذا فيلم جيد", None),
        ("It isn't a bad film.", None),
        ("💖💖💖", None),
        ("", None),
    ],
)
def test_scripts(text, script):
    assert find_unspaced_script(text) == script


def test_words_that_a_model_knows_are_words():
    text = "这部电影真的很好看"
    tokens = tokenize(text)
    check_words(text, tokens, np.ones(len(tokens), bool))
    with pytest.raises(ValueError, match="is in Chinese or Japanese, which puts no spaces"):
        check_words(text, tokens, np.zeros(len(tokens), bool))
