"""MathML to LaTeX, one construct after another, and what is left of MathML that makes no sense."""

from __future__ import annotations

import pytest

from pipeline.extraction.math_symbols import SYMBOLS, ends_in_command, joined, symbols
from pipeline.extraction.mathml import MOST_DEPTH, mathml_to_latex
from tests.growth import assert_linear


def mi(*names: str) -> str:
    return "".join(f"<mi>{name}</mi>" for name in names)


def mo(sign: str, attributes: str = "") -> str:
    return f"<mo {attributes}>{sign}</mo>"


def row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def table(*rows: str) -> str:
    cells = ("".join(f"<mtd>{cell}</mtd>" for cell in line.split("|")) for line in rows)
    return "<mtable>" + "".join(f"<mtr>{line}</mtr>" for line in cells) + "</mtable>"


HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
AB = table("<mi>a</mi>|<mi>b</mi>", "<mn>0</mn>|<mn>1</mn>")

CASES = {
    # tokens
    mi("x"): "x",
    mi("α", "b"): r"\alpha b",
    mi("Δ", "ℝ", "ℏ"): r"\Delta\mathbb{R}\hbar",
    "<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>": r"\sin x",
    "<mi>sin</mi><mo>&#x2061;</mo><mo>(</mo><mi>x</mi><mo>)</mo>": r"\sin(x)",
    "<mi>log</mi><mn>2</mn>": r"\log 2",
    mi("new"): r"\mathrm{new}",
    mi("速度"): r"\text{速度}",
    "<mi mathvariant='bold'>v</mi>": r"\mathbf{v}",
    "<mi mathvariant='bold'>α</mi>": r"\boldsymbol{\alpha}",
    "<mi mathvariant='double-struck'>Q</mi>": r"\mathbb{Q}",
    "<mi mathvariant='normal'>d</mi><mi>t</mi>": r"\mathrm{d}t",
    "<mi mathvariant='normal'>∞</mi>": r"\infty",
    "<mi>𝐀</mi><mi>𝔤</mi><mi>𝒞</mi><mi>𝑥</mi>": r"\mathbf{A}\mathfrak{g}\mathcal{C}x",
    "<mn>3.14</mn>": "3.14",
    "<mtext>if&nbsp;</mtext><mi>x</mi>": r"\text{if }x",
    "<mtext>50% of a_b {c}</mtext>": r"\text{50\% of a\_b \{c\}}",
    "<mtext>.</mtext>": ".",
    "<ms>abc</ms>": r"\text{abc}",
    # operators
    mi("a") + mo("+") + mi("b"): "a + b",
    mo("−") + mi("b"): "-b",
    mi("a") + mo("=") + mo("−") + mi("b"): "a = -b",
    mi("a") + mo("≤") + mi("b"): r"a \leq b",
    mi("a") + mo("&lt;") + mi("b"): "a < b",
    mi("a") + mo("&#x2062;") + mi("b"): "ab",
    mi("f") + mo("(") + mi("x") + mo(",") + mi("y") + mo(")"): "f(x, y)",
    mo("{") + mi("a") + mo("}"): r"\{a\}",
    mo("⟨") + mi("a") + mo("|") + mi("b") + mo("⟩"): r"\langle a|b\rangle",
    mi("p") + mo("(") + mi("a") + mo("∣") + mi("b") + mo(")"): r"p(a \mid b)",
    mo("|") + mi("a") + mo("|") + mo("=") + mo("‖") + mi("b") + mo("‖"): r"|a| = \|b\|",
    mi("n") + mo("!"): "n!",
    mo("∀") + mi("x") + mo("∈") + mi("A"): r"\forall x \in A",
    mi("a") + mo("mod") + mi("n"): r"a \bmod n",
    # fractions, roots, scripts
    HALF: r"\frac{1}{2}",
    "<mfrac bevelled='true'><mn>1</mn><mn>2</mn></mfrac>": "1/2",
    mo("(") + "<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>" + mo(")"): r"\binom{n}{k}",
    "<mfrac linethickness='0px'><mi>n</mi><mi>k</mi></mfrac>": r"{n \atop k}",
    "<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>": r"\sqrt{x + 1}",
    "<mroot><mi>x</mi><mn>3</mn></mroot>": r"\sqrt[3]{x}",
    "<msup><mi>x</mi><mn>2</mn></msup>": "x^2",
    "<msup><mi>x</mi><mn>10</mn></msup>": "x^{10}",
    "<msup><mi>e</mi><mrow><mo>−</mo><mi>x</mi></mrow></msup>": "e^{-x}",
    "<msub><mi>x</mi><mi>i</mi></msub>": "x_i",
    "<msub><mi>x</mi><mi>α</mi></msub><mi>y</mi>": r"x_\alpha y",
    "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>": "x_i^2",
    "<msup><msub><mi>x</mi><mi>i</mi></msub><mn>2</mn></msup>": "{x_i}^2",
    "<msup><mi>f</mi><mo>′</mo></msup><mi>x</mi>": "f'x",
    "<msup><mi>f</mi><mo>″</mo></msup>": "f''",
    "<msup><mrow><mo>(</mo><mi>a</mi><mi>b</mi><mo>)</mo></mrow><mn>2</mn></msup>": "(ab)^2",
    "<msup><mrow><mi>a</mi><mi>b</mi></mrow><mn>2</mn></msup>": "{ab}^2",
    "<msup><mn>90</mn><mo>∘</mo></msup>": r"90^\circ",
    "<msup><mrow></mrow><mn>3</mn></msup><mi>He</mi>": r"{}^3\mathrm{He}",
    "<mmultiscripts><mi>X</mi><mi>a</mi><none/><mprescripts/><mn>2</mn><mn>3</mn></mmultiscripts>": "{}_2^3X_a",
    # over and under
    "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>": r"\sum_{i=1}^n",
    "<msubsup><mo>∫</mo><mn>0</mn><mi>∞</mi></msubsup><mi>f</mi>": r"\int_0^\infty f",
    "<munder><mo>lim</mo><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>x</mi>": r"\lim_{x\rightarrow 0} x",
    "<munder><mi>lim sup</mi><mi>n</mi></munder>": r"\limsup_n",
    "<mover><mi>x</mi><mo>¯</mo></mover>": r"\bar{x}",
    "<mover><mi>x</mi><mo stretchy='true'>¯</mo></mover>": r"\overline{x}",
    "<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>→</mo></mover>": r"\overrightarrow{AB}",
    "<mover><mi>v</mi><mo>→</mo></mover>": r"\vec{v}",
    "<mover accent='true'><mi>x</mi><mo>^</mo></mover>": r"\hat{x}",
    "<mover><mi>x</mi><mo>˙</mo></mover><mover><mi>x</mi><mo>~</mo></mover>": r"\dot{x}\tilde{x}",
    "<munder><mi>x</mi><mo>_</mo></munder>": r"\underline{x}",
    "<munder><munder><mrow><mi>a</mi><mi>b</mi></mrow><mo>⏟</mo></munder><mi>n</mi></munder>": r"\underbrace{ab}_n",
    "<mover><mover><mi>a</mi><mo>⏞</mo></mover><mi>n</mi></mover>": r"\overbrace{a}^n",
    mi("A") + "<mover><mo>→</mo><mi>f</mi></mover>" + mi("B"): r"A \xrightarrow{f} B",
    mi("a") + "<mover><mo>=</mo><mtext>def</mtext></mover>" + mi("b"): r"a \overset{\text{def}}{=} b",
    "<munder><mi>A</mi><mi>n</mi></munder>": r"\underset{n}{A}",
    # fences and tables
    mo("(") + HALF + mo(")"): r"\left(\frac{1}{2}\right)",
    mo("(") + mi("x") + mo(")"): "(x)",
    mo("[") + mo("(") + HALF + mo(")") + mi("x") + mo("]"): r"\left[\left(\frac{1}{2}\right)x\right]",
    mi("p")
    + mo("(")
    + mi("a")
    + mo("|")
    + HALF
    + mo(")")
    + mi("q")
    + mo("(")
    + mo("|")
    + mi("b")
    + mo(")"): (r"p\left(a|\frac{1}{2}\right)q(|b)"),
    "<mfenced><mi>a</mi><mi>b</mi></mfenced>": "(a, b)",
    "<mfenced open='[' close='&#x27E9;' separators=';'><mi>a</mi><mi>b</mi></mfenced>": r"[a; b\rangle",
    "<mfenced open='' close='|'><mi>a</mi></mfenced>": "a|",
    AB: r"\begin{matrix} a & b \\ 0 & 1 \end{matrix}",
    mo("(") + AB + mo(")"): r"\begin{pmatrix} a & b \\ 0 & 1 \end{pmatrix}",
    mo("[") + row(AB) + mo("]"): r"\begin{bmatrix} a & b \\ 0 & 1 \end{bmatrix}",
    mo("|") + AB + mo("|"): r"\begin{vmatrix} a & b \\ 0 & 1 \end{vmatrix}",
    mi("f") + mo("=") + row(mo("{"), AB, mo("")): r"f = \begin{cases} a & b \\ 0 & 1 \end{cases}",
    mo("{") + AB: r"\begin{cases} a & b \\ 0 & 1 \end{cases}",
    "<mtable columnalign='right left'><mtr><mtd><mi>a</mi></mtd><mtd><mo>=</mo><mi>b</mi></mtd></mtr></mtable>": (
        r"\begin{aligned} a & = b \end{aligned}"
    ),
    table("<mi>a</mi>"): "a",
    table("<mi>a</mi>", "<mi>b</mi>"): r"\begin{gathered} a \\ b \end{gathered}",
    "<mtable><mlabeledtr><mtd><mtext>(1)</mtext></mtd><mtd><mi>a</mi></mtd></mlabeledtr></mtable>": (
        r"a \tag{1}"
    ),
    # the rest
    "<menclose notation='box'><mi>x</mi></menclose>": r"\boxed{x}",
    "<menclose notation='top'><mi>x</mi></menclose>": r"\overline{x}",
    "<menclose notation='updiagonalstrike downdiagonalstrike'><mi>x</mi></menclose>": r"\cancel{x}",
    "<menclose notation='circle'><mi>x</mi></menclose>": "x",
    mi("a") + "<mspace width='1em'/>" + mi("b"): r"a\quad b",
    mi("a") + "<mspace width='0.1667em'></mspace>" + mi("b"): r"a\,b",
    mi("a") + "<mspace width='negativethinmathspace'/>" + mi("b"): r"a\!b",
    mi("a") + "<mspace height='3em'/>" + mi("b"): "ab",
    "<mphantom><mi>x</mi></mphantom><mi>y</mi>": r"\phantom{x}y",
    "<mstyle displaystyle='true'><mpadded width='0'><mi>x</mi></mpadded></mstyle>": "x",
    "<semantics><mi>x</mi><annotation encoding='text/plain'>eks</annotation></semantics>": "x",
    "<maction><mi>x</mi><mi>y</mi></maction>": "x",
    "<mi>x<!-- eks --></mi><!-- <mi>y</mi> -->": "x",
    "<mi> x\n</mi>": "x",
}


@pytest.mark.parametrize("source", CASES)
def test_constructs(source: str) -> None:
    assert mathml_to_latex(f"<math>{source}</math>") == CASES[source]
    prefixed = source.replace("</", "\0").replace("<", "<m:").replace("\0", "</m:").replace("<m:!", "<!")
    assert (
        mathml_to_latex(f"<m:math xmlns:m='http://www.w3.org/1998/Math/MathML'>{prefixed}</m:math>")
        == CASES[source]
    )


def test_a_whole_formula() -> None:
    root = "<msqrt><msup><mi>b</mi><mn>2</mn></msup><mo>−</mo><mn>4</mn><mi>a</mi><mi>c</mi></msqrt>"
    source = f"<mi>x</mi><mo>=</mo><mfrac>{row(mo('−'), mi('b'), mo('±'), root)}{row('<mn>2</mn>', mi('a'))}</mfrac>"
    assert mathml_to_latex(f"<math>{source}</math>") == r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}"


MALFORMED = {
    "": "",
    "<math></math>": "",
    "<math><mfrac></mfrac><msup></msup><mover></mover><mtable></mtable><mfenced></mfenced></math>": "()",
    "<math><mfrac><mi>a</mi></mfrac></math>": r"\frac{a}{}",
    "<math><mi>a</mi>": "a",
    "<math><msup><mi>a</mi><mn>2</math>": "a2",
    "<math>x &amp; y</math>": r"\text{x \& y}",
    "<math><mrow><mi>a</mrow></mi><mo>+</mo></math>": "a+",
    "<math></mrow></mrow><mi>a</mi></math>": "a",
    "<math><mi><span>a</span></mi><b>c</b></math>": "ac",
    "<math><unknown><mi>a</mi></unknown></math>": "a",
    "<math><mmultiscripts></mmultiscripts><mi>a</mi></math>": "a",
    "<math><mspace width='99999999999999999999999999em'/><mi width=>a</mi></math>": "a",
}


@pytest.mark.parametrize("source", MALFORMED)
def test_malformed_mathml_is_what_is_left_of_it(source: str) -> None:
    assert mathml_to_latex(source) == MALFORMED[source]


def test_deep_nesting_ends_in_text() -> None:
    deep = 50 * MOST_DEPTH
    for name in ("mrow", "msqrt", "mfenced", "mstyle"):
        source = f"<math>{f'<{name}>' * deep}<mi>x</mi>{f'</{name}>' * deep}<mo>=</mo><mn>1</mn></math>"
        assert mathml_to_latex(source).endswith("= 1")


HOSTILE = {
    "open brackets": "<mo>(</mo>",
    "bars": "<mo>|</mo><mi>x</mi>",
    "scripts": "<msup><mi>x</mi>",
    "fractions": "<mfrac><mi>x</mi><mi>y</mi></mfrac>",
    "text": "<mi>" + "aβ" * 20 + "</mi>",
    "tables": "<mtable><mtr><mtd>",
    "attributes": "<mspace " + "a='1' " * 20 + "width='1em'/>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_source(name: str) -> None:
    assert_linear(lambda count: mathml_to_latex(f"<math>{HOSTILE[name] * count}</math>"), 1500)


def test_symbols_do_not_run_together() -> None:
    assert symbols("αx∞2") == r"\alpha x\infty 2"
    assert joined([r"\alpha", "", "x", "+", "y"]) == r"\alpha x+y"
    assert ends_in_command(r"a\beta")
    assert not any(map(ends_in_command, ("", "a", r"\beta2", r"\{", "\\")))


def test_every_command_of_the_tables_is_well_formed() -> None:
    for character, latex in SYMBOLS.items():
        assert latex.count("{") - latex.count("\\{") == latex.count("}") - latex.count("\\}"), character
        assert latex.isascii() or latex.startswith("\\text{"), character
