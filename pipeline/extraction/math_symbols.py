"""What the characters and names of MathML are called in LaTeX (with amsmath and amssymb), as tables.

Names are those of Unicode Technical Report 25 and of the LaTeX companion packages' documentation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_COMMAND_CHARACTERS = 40  # no name is longer


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_GREEK = _table(
    r"""
    α \alpha β \beta γ \gamma δ \delta ε \varepsilon ϵ \epsilon ζ \zeta η \eta θ \theta ϑ \vartheta ι \iota κ \kappa
    ϰ \varkappa λ \lambda μ \mu ν \nu ξ \xi ο o π \pi ϖ \varpi ρ \rho ϱ \varrho σ \sigma ς \varsigma τ \tau
    υ \upsilon φ \varphi ϕ \phi χ \chi ψ \psi ω \omega
    Α A Β B Γ \Gamma Δ \Delta Ε E Ζ Z Η H Θ \Theta Ι I Κ K Λ \Lambda Μ M Ν N Ξ \Xi Ο O Π \Pi Ρ P Σ \Sigma Τ T
    Υ \Upsilon Φ \Phi Χ X Ψ \Psi Ω \Omega Ϝ \digamma ϝ \digamma
    """
)
_LETTERS = _table(
    r"""
    ∂ \partial ∇ \nabla ∞ \infty ∅ \emptyset ℓ \ell ℏ \hbar ħ \hbar ı \imath ȷ \jmath ℘ \wp ℜ \Re ℑ \Im ℵ \aleph
    ℶ \beth ℷ \gimel ℸ \daleth ⊤ \top ⊥ \bot ∠ \angle ∡ \measuredangle ∀ \forall ∃ \exists ∄ \nexists
    ¬ \neg △ \triangle □ \square ■ \blacksquare ◊ \lozenge ★ \bigstar ♠ \spadesuit ♡ \heartsuit ♢ \diamondsuit
    ♣ \clubsuit ♭ \flat ♮ \natural ♯ \sharp … \ldots ⋯ \cdots ⋮ \vdots ⋱ \ddots Ⅎ \Finv ð \eth ∁ \complement
    ∎ \blacksquare † \dagger ‡ \ddagger § \S ¶ \P £ \pounds ✓ \checkmark Å \mathring{A}
    """
)
# Spaces stand on both sides of these.
BINARY = _table(
    r"""
    + + - - − - ± \pm ∓ \mp × \times ÷ \div ∗ * · \cdot ⋅ \cdot ∘ \circ ∙ \bullet • \bullet ∪ \cup ∩ \cap ⊎ \uplus
    ⊓ \sqcap ⊔ \sqcup ∨ \vee ∧ \wedge ∖ \setminus ≀ \wr ⊕ \oplus ⊖ \ominus ⊗ \otimes ⊘ \oslash ⊙ \odot ⋆ \star
    ⋄ \diamond ⨿ \amalg ⋉ \ltimes ⋊ \rtimes ⊞ \boxplus ⊠ \boxtimes ⊡ \boxdot ⊻ \veebar ⊼ \barwedge
    """
)
RELATIONS = _table(
    r"""
    = = < < > > ≠ \neq ≤ \leq ≥ \geq ⩽ \leqslant ⩾ \geqslant ≪ \ll ≫ \gg ≈ \approx ≃ \simeq ≅ \cong ∼ \sim ≡ \equiv
    ≢ \not\equiv ∝ \propto ≐ \doteq ≜ \triangleq ≔ := ∈ \in ∉ \notin ∋ \ni ⊂ \subset ⊃ \supset ⊆ \subseteq
    ⊇ \supseteq ⊊ \subsetneq ⊋ \supsetneq ⊄ \not\subset ⊈ \nsubseteq ⊏ \sqsubset ⊐ \sqsupset ⊑ \sqsubseteq
    ⊒ \sqsupseteq ≺ \prec ≻ \succ ⪯ \preceq ⪰ \succeq ≼ \preccurlyeq ≽ \succcurlyeq ⊢ \vdash ⊣ \dashv ⊨ \models
    ⊩ \Vdash ∣ \mid ∤ \nmid ∥ \parallel ∦ \nparallel ⟂ \perp ≍ \asymp ⋈ \bowtie ⌣ \smile ⌢ \frown ≲ \lesssim
    ≳ \gtrsim ≮ \nless ≯ \ngtr ≰ \nleq ≱ \ngeq ≁ \nsim ≇ \ncong ≉ \not\approx ⊲ \vartriangleleft ⊳ \vartriangleright
    ⊴ \trianglelefteq ⊵ \trianglerighteq ∴ \therefore ∵ \because ≦ \leqq ≧ \geqq ≨ \lneqq ≩ \gneqq ≊ \approxeq
    ← \leftarrow → \rightarrow ↔ \leftrightarrow ⇐ \Leftarrow ⇒ \Rightarrow ⇔ \Leftrightarrow ↦ \mapsto
    ⟵ \longleftarrow ⟶ \longrightarrow ⟷ \longleftrightarrow ⟸ \Longleftarrow ⟹ \Longrightarrow
    ⟺ \Longleftrightarrow ⟼ \longmapsto ↑ \uparrow ↓ \downarrow ↕ \updownarrow ⇑ \Uparrow ⇓ \Downarrow
    ↗ \nearrow ↘ \searrow ↙ \swarrow ↖ \nwarrow ↪ \hookrightarrow ↩ \hookleftarrow ⇀ \rightharpoonup
    ⇁ \rightharpoondown ↼ \leftharpoonup ↽ \leftharpoondown ⇌ \rightleftharpoons ⇋ \leftrightharpoons
    ↠ \twoheadrightarrow ↣ \rightarrowtail ⇝ \rightsquigarrow ⊸ \multimap ↛ \nrightarrow ↚ \nleftarrow ⇏ \nRightarrow
    """
) | {":=": ":=", "≕": "=:", "==": "==", "!=": "\\neq", "<=": "\\leq", ">=": "\\geq", "->": "\\to"}
# Scripts of these stand below and above in display style.
LARGE = _table(
    r"""
    ∑ \sum ∏ \prod ∐ \coprod ∫ \int ∬ \iint ∭ \iiint ⨌ \iiiint ∮ \oint ⋃ \bigcup ⋂ \bigcap ⨄ \biguplus ⨆ \bigsqcup
    ⋁ \bigvee ⋀ \bigwedge ⨁ \bigoplus ⨂ \bigotimes ⨀ \bigodot
    """
)
OPENING = _table(
    r"( ( [ [ { \{ ⟨ \langle 〈 \langle 〈 \langle ⌊ \lfloor ⌈ \lceil ⟦ \llbracket ⟮ \lgroup ⎰ \lmoustache ⌜ \ulcorner"
)
CLOSING = _table(
    r") ) ] ] } \} ⟩ \rangle 〉 \rangle 〉 \rangle ⌋ \rfloor ⌉ \rceil ⟧ \rrbracket ⟯ \rgroup ⎱ \rmoustache ⌝ \urcorner"
)
BARS = _table(r"| | ‖ \| ∥ \| ∣ | ❘ |")
_PUNCTUATION = _table(
    r", , ; ; : : . . ! ! / / ? ? ' ' ∶ : ′ ' ″ '' ‴ ''' ‵ \backprime ⁗ '''' % \% & \& # \# $ \$ _ \_"
)
_OTHERS = {
    "\\": "\\backslash",
    "√": "\\surd",
    "~": "\\sim",
    "^": "\\wedge",
    "°": "^{\\circ}",
    "—": "\\text{—}",
    "–": "\\text{–}",
    "\u00a0": "~",
}
# Function application, invisible times, separator, plus; zero-width characters; variation selector.
INVISIBLE = dict.fromkeys("\u2061\u2062\u2063\u2064\u200b\u200c\u200d\u2060\ufeff\ufe00\ufe0e", "")
SYMBOLS: dict[str, str] = (
    _GREEK
    | _LETTERS
    | BINARY
    | RELATIONS
    | LARGE
    | OPENING
    | CLOSING
    | BARS
    | _PUNCTUATION
    | _OTHERS
    | INVISIBLE
)

FUNCTIONS = words(
    """arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max
    min Pr sec sin sinh sup tan tanh"""
)
# Names whose script below is a limit.
LIMITS = words("det gcd inf lim liminf limsup max min Pr sup argmax argmin")
_ACCENTS = {
    "^": ("hat", "widehat"),
    "ˆ": ("hat", "widehat"),
    "~": ("tilde", "widetilde"),
    "˜": ("tilde", "widetilde"),
    "∼": ("tilde", "widetilde"),
    "¯": ("bar", "overline"),
    "‾": ("bar", "overline"),
    "_": ("bar", "overline"),
    "―": ("overline", "overline"),
    "-": ("bar", "overline"),
    "−": ("bar", "overline"),
    "ˉ": ("bar", "overline"),
    "\u20d7": ("vec", "overrightarrow"),
    "→": ("vec", "overrightarrow"),
    "⟶": ("overrightarrow", "overrightarrow"),
    "←": ("overleftarrow", "overleftarrow"),
    "↔": ("overleftrightarrow", "overleftrightarrow"),
    "⇀": ("vec", "overrightharpoon"),
    "˙": ("dot", "dot"),
    ".": ("dot", "dot"),
    "¨": ("ddot", "ddot"),
    "..": ("ddot", "ddot"),
    "⃛": ("dddot", "dddot"),
    "…": ("dddot", "dddot"),
    "˘": ("breve", "breve"),
    "ˇ": ("check", "check"),
    "´": ("acute", "acute"),
    "`": ("grave", "grave"),
    "˚": ("mathring", "mathring"),
    "⏞": ("overbrace", "overbrace"),
    "︷": ("overbrace", "overbrace"),
    "⎴": ("overbracket", "overbracket"),
    "⏜": ("overparen", "overparen"),
}
_UNDER = {
    "_": "underline",
    "̲": "underline",
    "¯": "underline",
    "―": "underline",
    "‾": "underline",
    "⏟": "underbrace",
    "︸": "underbrace",
    "⎵": "underbracket",
    "⏝": "underparen",
    "→": "underrightarrow",
    "←": "underleftarrow",
}
# Arrows that stretch under or over what is written on them.
EXTENSIBLE = {
    "\\rightarrow": "\\xrightarrow",
    "\\longrightarrow": "\\xrightarrow",
    "\\leftarrow": "\\xleftarrow",
    "\\longleftarrow": "\\xleftarrow",
}
_VARIANTS = {
    "normal": "mathrm",
    "bold": "mathbf",
    "double-struck": "mathbb",
    "script": "mathcal",
    "bold-script": "mathcal",
    "fraktur": "mathfrak",
    "bold-fraktur": "mathfrak",
    "sans-serif": "mathsf",
    "bold-sans-serif": "mathsf",
    "sans-serif-italic": "mathsf",
    "sans-serif-bold-italic": "mathsf",
    "monospace": "mathtt",
    "bold-italic": "boldsymbol",
}
_NAMED_STYLES = (
    ("DOUBLE-STRUCK", "mathbb"),
    ("SCRIPT", "mathcal"),
    ("FRAKTUR", "mathfrak"),
    ("BLACK-LETTER", "mathfrak"),
    ("SANS-SERIF", "mathsf"),
    ("MONOSPACE", "mathtt"),
    ("BOLD ITALIC", "boldsymbol"),
    ("BOLD", "mathbf"),
)


def accent(character: str, wide: bool) -> str | None:
    """The command of an accent above, such as `hat`, or `widehat` over more than a letter; None for other text."""
    found = _ACCENTS.get(character)
    return found[wide] if found else None


def under(character: str) -> str | None:
    """The command of a line, brace or arrow below, or None."""
    return _UNDER.get(character)


def variant(name: str) -> str | None:
    """The alphabet command of a `mathvariant`; None for italic and what is no variant."""
    return _VARIANTS.get(name)


def plain(character: str) -> tuple[str, str | None]:
    """A character of a mathematical alphabet of Unicode as its plain letter and a command such as `mathbb`."""
    if character in SYMBOLS or character.isascii():
        return character, None
    letter = unicodedata.normalize("NFKC", character)
    if len(letter) != 1 or not letter.isalnum() or letter == character:
        return character, None
    name = unicodedata.name(character, "")
    return letter, next((command for style, command in _NAMED_STYLES if style in name), None)


def symbols(text: str) -> str:
    """Characters as LaTeX, one command after another."""
    pieces = []
    for character in text:
        letter, style = plain(character)
        latex = SYMBOLS.get(letter, letter)
        pieces.append(f"\\{style}{{{latex}}}" if style else latex)
    return joined(pieces)


def joined(pieces: Sequence[str]) -> str:
    """Pieces of LaTeX side by side, with a space only between a command's name and a letter or digit after it."""
    out: list[str] = []
    for piece in pieces:
        if out and piece and piece[0].isalnum() and ends_in_command(out[-1]):
            out.append(" ")
        if piece:
            out.append(piece)
    return "".join(out)


def ends_in_command(latex: str) -> bool:
    """Whether LaTeX ends in the name of a command, as `a\\alpha` does."""
    tail = latex[-_COMMAND_CHARACTERS:]
    at = len(tail)
    while at and _letter(tail[at - 1]):
        at -= 1
    return 0 < at < len(tail) and tail[at - 1] == "\\"


def _letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
