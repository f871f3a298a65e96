"""Character sets that the quality rules test against, as code point ranges.

`SYMBOLS` are the marks that Gopher's rules do not count as words (parameters of datatrove's `utils/text.py`),
`TERMINAL` the marks that end a sentence in any script (Unicode's Sentence_Terminal and close kin, the same source),
`SENTENCE_END` the subset that spaCy's rule-based sentence splitter knows, `C4_END` the line ends of C4.
"""

from __future__ import annotations

_MARKS = """
0-8 B-1F 21-2F 3A-40 5B-60 7B-9F AB B4 BB 2013-2014 2019 201C-201E 2026 2236 2501 25BA 3001-3002 3008-300D 3010-3011
FF01 FF05 FF08-FF09 FF0C FF0E FF11 FF1A-FF1B FF1F FF5E
"""

_SENTENCE_END = """
21 2E 3F 589 61F 6D4 700-702 7F9 964-965 104A-104B 1362 1367-1368 166E 1735-1736 1803 1809 1944-1945 1AA8-1AAB
1B5A-1B5B 1B5E-1B5F 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877
A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 11047-11048
110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3
115C9-115D7 11641-11642 1173C-1173E 11A42-11A43 11A9B-11A9C 11C41-11C42 16A6E-16A6F 16AF5 16B37-16B38 16B44 1BC9F
1DA88
"""

_TERMINAL_ONLY = """
61D-61E 837 839 83D-83E 17D4-17D6 17D9-17DA 1B7D-1B7E 2E53-2E54 10F55-10F59 10F86-10F89 11944 11946 11EF7-11EF8
11F43-11F44 16E98
"""


def _characters(ranges: str) -> frozenset[str]:
    found = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found += [chr(code) for code in range(int(first, 16), int(last or first, 16) + 1)]
    return frozenset(found)


SENTENCE_END = _characters(_SENTENCE_END)
TERMINAL = SENTENCE_END | _characters(_TERMINAL_ONLY)
MARKS = _characters(_MARKS)  # datatrove's punctuation; it has control characters but no tab and no newline
SYMBOLS = MARKS | TERMINAL
C4_END = frozenset(".?!\"'")  # datatrove's set; the reference code has no apostrophe
C4_END_PAPER = frozenset('.?!"')
