"""The embedded sample: a WARC of web pages made from prose that the installation carries, with a truth file.

The prose is docstring paragraphs of the standard library and of the project's dependencies, licences, and example
sentences in other languages; it is set in page templates, and cases are planted whose right treatment is known:
copies, personal data, other languages, spam, broken and hostile pages. `write_sample` makes the same bytes whenever
Python and the installed dependencies are the same; `score` tells how many planted cases a run caught.
"""

from pipeline.sample.score import CaseScore, score
from pipeline.sample.write import DEFAULT_PAGES, MIN_PAGES, Summary, truth_path, write_sample

__all__ = ["DEFAULT_PAGES", "MIN_PAGES", "CaseScore", "Summary", "score", "truth_path", "write_sample"]
