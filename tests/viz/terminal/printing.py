"""What a console of a width prints, and texts that are hard to print."""

import io

import numpy as np
from cdjax.viz.console import Console
from rich.style import Style

from tests.results.explained import make_explanation

TEXTS = {
    "negation": "It is n't a bad film .",
    "irony": "Oh great , another two hours I will never get back .",
    "one word": "good",
    "unknown": "??? ??? ???",
    "half unknown": "??? good ??? film",
    "mark": "!",
    "emoji": "😀 👩‍👩‍👧 good 👍🏽 film ❤️",
    "flags": "🇩🇪 good 🇫🇷",
    "Arabic": "هذا الفيلم ليس سيئا ، جيد",
    "Hebrew and English": "the film ממש good",
    "Chinese": "这 部 电影 很 好 看",
    "Japanese": "この 映画 は とても 面白い です 。",
    "Thai": "หนัง เรื่อง นี้ ดี มาก",
    "Hindi": "यह फिल्म अच्छी है ।",
    "composed": "cafe\u0301 na\u0131\u0308ve Zu\u0308rich",
    "zalgo": "b\u0300\u0301\u0302\u0303ad f\u0300ilm",
    "wide": " ".join("".join(chr(ord(c) + 0xFEE0) for c in word) for word in ("wide", "film")),
    "markup": "[bold]a[/bold] [red]film[/] \\[x]",
    "control": "a\x1b[2J \x1b]0;title\x07 bad\u202efilm \u2066x\u2069",
    "a long word": "x" * 300,
    "a long wide word": "电影" * 80,
    "long words": " ".join(["incomprehensibilities"] * 12),
    "fourteen": "not once in all of its two long hours did I ever laugh",
    "long": " ".join(["A slow film with no end . I left before it got good ."] * 5),
}


def explain_text(name, labels=("blame", "praise"), **changes):
    """One of the texts, with scores from -3 to 3."""
    tokens = TEXTS[name].split(" ")
    count = len(tokens) * (len(tokens) + 1) // 2
    scores = np.random.default_rng(len(TEXTS[name])).uniform(-3, 3, count)
    return make_explanation(tokens, scores, labels, **changes)


def show(print_it, *args, width=80, color_system=None, **options):
    """What is printed, at a width, without colours or with those of a system."""
    for function in (Style.parse, Style._add):  # styles keep the codes of their first system
        function.cache_clear()
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=color_system,
        force_terminal=color_system is not None,
    )
    print_it(console, *args, **options)
    return console.file.getvalue()
