"""The one form in which fastText classifiers see a text, when they are trained and when they judge.

fastText reads a line: words between white space, up to `</s>`, and takes every word that begins with `__label__` for a
label. So a new line becomes a space, never nothing, which would glue words together; and what would end the line or
name a label becomes a space too. Nothing else is changed: the published classifiers of RedPajama-v1 and DCLM join the
lines of a text by spaces and keep case and punctuation.
"""

from __future__ import annotations

VERSION = 1  # changes with what `one_line` returns: a model judges texts in the form that it was trained on


def one_line(text: str) -> str:
    """The text as one line. Linear time; no bytes of it can end the line or become a label."""
    return text.replace("\n", " ").replace("</s>", " ").replace("__label__", " ")
