"""Formulas in HTML, however they are written, become LaTeX in the text: once each, where they stood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extraction import EXTRACTORS, extract_page
from pipeline.extraction.formulas import with_formulas
from pipeline.extraction.markup import attributes, scan
from pipeline.extraction.tex import clean, delimited, like_tex, of_document, of_image
from tests.growth import assert_linear

X2 = "<mrow><msup><mi>x</mi><mn>2</mn></msup></mrow>"
NOTE = '<annotation encoding="application/x-tex">{}</annotation>'
KATEX = (
    '<span class="katex"><span class="katex-mathml"><math xmlns="http://www.w3.org/1998/Math/MathML"><semantics>'
    + X2
    + NOTE.format("x^{2}")
    + '</semantics></math></span><span class="katex-html" aria-hidden="true"><span class="base">x2</span></span></span>'
)
FRAME = (
    '<span class="MathJax" id="MathJax-Element-1-Frame" data-mathml="&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;">'
    '<nobr><span class="math">x</span></nobr><span class="MJX_Assistive_MathML"><math><mi>x</mi></math></span></span>'
)
WIKIPEDIA = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;">'
    '<math alttext="{\\displaystyle x^{2}}"><semantics>'
    + X2
    + NOTE.format("{\\displaystyle x^{2}}")
    + '</semantics></math></span><img src="https://wikimedia.org/api/rest_v1/media/math/render/svg/f5"'
    ' class="mwe-math-fallback-image-inline" alt="{\\displaystyle x^{2}}"/></span>'
)

INLINE = {
    # MathML
    f"<math>{X2}</math>": "x^2",
    f"<m:math xmlns:m='x'>{X2.replace('<', '<m:').replace('<m:/', '</m:')}</m:math>": "x^2",
    f"<math><semantics>{X2}{NOTE.format('x^{2}')}</semantics></math>": "x^{2}",
    f"<math><semantics>{X2}{NOTE.format('a &lt; b &amp; c')}</semantics></math>": "a < b & c",
    f"<math><semantics>{X2}<annotation encoding='TeX'>x^{{2}}</annotation></semantics></math>": "x^{2}",
    f"<math><semantics>{X2}<annotation encoding='StarMath 5.0'>x sup 2</annotation></semantics></math>": "x^2",
    f"<math><semantics>{X2}{NOTE.format('')}</semantics></math>": "x^2",
    f'<math class="ltx_Math" alttext="x^{{2}}" display="inline">{X2}</math>': "x^{2}",
    f'<math alttext="x squared">{X2}</math>': "x^2",
    "<math>\\frac{1}{2}</math>": r"\frac{1}{2}",
    "<math>E = m</dd></dl>c^2</math>": "E = mc^2",
    # KaTeX
    KATEX: "x^{2}",
    '<b class="math-inline" data-math="x^{2}"><b class="katex"><b class="katex-html">x2</b></b></b>': "x^{2}",
    # MathJax 2
    '<script type="math/tex">x < 2</script>': "x < 2",
    "<script type='math/tex' id='MathJax-Element-1'>% <![CDATA[\nx < 2 %]]></script>": "x < 2",
    f'<span class="MathJax_Preview">x2</span>{FRAME}<script type="math/tex">x^{{2}}</script>': "x^{2}",
    f'<span class="MathJax_Preview"></span>\n{FRAME}\n<script type="math/tex">x^{{2}}</script>': "x^{2}",
    FRAME: "x",
    f'<script type="math/mml"><math>{X2}</math></script>': "x^2",
    # MathJax 3
    '<mjx-container class="MathJax" jax="CHTML"><mjx-math aria-hidden="true"><mjx-c></mjx-c></mjx-math>'
    f'<mjx-assistive-mml display="inline"><math>{X2}</math></mjx-assistive-mml></mjx-container>': "x^2",
    '<mjx-container jax="CHTML"><formula>\\vec{F} &lt; m</formula></mjx-container>': r"\vec{F} < m",
    # Wikipedia, images
    WIKIPEDIA: "x^{2}",
    '<img class="tex" alt="x^{2}" src="1.png">': "x^{2}",
    '<img src="https://s0.wp.com/latex.php?latex=%5Clambda%2C+y&amp;bg=fff" alt="&#92;lambda, y" class="latex" />': (
        r"\lambda, y"
    ),
    '<img src="https://s0.wp.com/latex.php?latex=%5Clambda+y&#038;bg=fff">': r"\lambda y",
    '<img src="//latex.codecogs.com/gif.latex?\\dpi{120}&amp;space;\\frac{a}{b}" title="t">': r"\frac{a}{b}",
    '<img src="https://latex.codecogs.com/svg.latex?%5Cinline%20x%5E2" alt="equation">': "x^2",
    '<img src="/cgi-bin/mimetex.cgi?\\alpha(x)+1" />': r"\alpha(x)+1",
    '<img src="https://chart.googleapis.com/chart?cht=tx&chl=x%5E2">': "x^2",
    '<img src="https://www.zhihu.com/equation?tex=x%5E2" alt="x^2" eeimg="1">': "x^2",
    '<img alt="$x^2$" src="f.png">': "x^2",
    '<img class="equation_image" alt="LaTeX: x^2" src="f.png">': "x^2",
    '<img class="tex" src="data:," data-src="a?b" alt="x^2"><noscript><img class="tex" alt="x^2"></noscript>': "x^2",
    # JATS and attributes
    f"<alternatives><math>{X2}</math><tex-math>\\begin{{document}}$$x^{{2}}$$\\end{{document}}</tex-math>"
    "</alternatives>": "x^{2}",
    "<tex-math><![CDATA[x^{2}]]></tex-math>": "x^{2}",
    '<span class="ztext-math" data-eeimg="1" data-tex="x^{2}">x 2</span>': "x^{2}",
}

DISPLAY = {
    f'<math display="block">{X2}</math>': "x^2",
    f'<span class="katex-display">{KATEX}</span>': "x^{2}",
    '<script type="math/tex; mode=display">E=mc^2</script>': "E=mc^2",
    f'<div class="MathJax_Display">{FRAME}</div><script type="math/tex; mode=display">x</script>': "x",
    f'<mjx-container display="true"><mjx-assistive-mml><math>{X2}</math></mjx-assistive-mml></mjx-container>': "x^2",
    WIKIPEDIA.replace("inline", "display"): "x^{2}",
    '<img class="latex" alt="\\[x^2\\]">': "x^2",
    '<span class="katex-block math" data-tex="x^2"></span>': "x^2",
    '<script type="math/tex">\\[x\\]</script>': "x",
}


@pytest.mark.parametrize("source", INLINE)
def test_inline_formulas(source: str) -> None:
    shown = INLINE[source].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = with_formulas(f"<p>if {source}, then</p>")
    assert " ".join(found.split()) == f"<p>if ${shown}$, then</p>"


@pytest.mark.parametrize("source", DISPLAY)
def test_displayed_formulas(source: str) -> None:
    assert with_formulas(f"<p>if {source} then</p>") == f"<p>if <br>$${DISPLAY[source]}$$<br> then</p>"


def test_an_image_alone_in_its_block_is_displayed() -> None:
    image = '<img class="latex" alt="x^2">'
    assert with_formulas(f"<p>\n{image}<br /></p>") == "<p>\n<br>$$x^2$$<br><br /></p>"
    assert with_formulas(f"<p>{image} or</p>") == "<p>$x^2$ or</p>"


UNTOUCHED = [
    "<p>no formula</p>",
    f"<pre>{KATEX}</pre>",
    f"<code><math>{X2}</math></code>",
    f"<textarea><math>{X2}</math></textarea>",
    f"<!-- <math>{X2}</math> -->",
    "<script>if (a <math> b) '$$ x^2 $$'</script>",
    '<script type="text/javascript">"<math><mi>x</mi></math>"</script>',
    "<style>.katex { content: '$$x^2$$' }</style>",
    f'<p title="<math>{X2}</math>">text</p>',
    "<math></math>",
    '<div class="katex"><p>Notes on KaTeX</p></div>',
    '<span class="MathJax">no source</span>',
    '<p>if \\(x < 2\\), and $x^2$, then</p> <span class="math inline">\\(x\\)</span>',
    "<p>$$x^2$$</p><p>\\[ x \\]</p>",
    "<p>It costs $$ here, and $$$ there, or a[$$] \\[ </p>",
    "<div>\\\\[1em] and \\\\[2em]</div>",
    "<div>\\begin{document} x \\end{document}</div>",
    '<img alt="$200 off" src="latex.png"><img alt="$20 or $" class="x">',
    '<img class="latex" alt="LaTeX" src="logo.png">',
    '<td class="text" data-entry="12" data-formula="">text</td><math-field>',
]


@pytest.mark.parametrize("html", UNTOUCHED)
def test_what_is_no_formula_stays(html: str) -> None:
    assert (
        with_formulas(f"<html><body>{html}<p>end</p></body></html>")
        == f"<html><body>{html}<p>end</p></body></html>"
    )


def test_displayed_tex_in_the_text_gets_its_own_lines() -> None:
    html = "<div>So $$x = y$$ and \\[ a &lt; b \\] then \\begin{align*}a&amp;b\\end{align*}</div>"
    assert with_formulas(html) == (
        "<div>So <br>$$x = y$$<br> and <br>\\[ a &lt; b \\]<br> then <br>\\begin{align*}a&amp;b\\end{align*}<br></div>"
    )


def test_several_formulas_in_one_wrapper_stay_apart() -> None:
    html = f'<div class="katex">one {KATEX}, two {KATEX}</div>'
    assert with_formulas(html) == '<div class="katex">one $x^{2}$, two $x^{2}$</div>'


def test_formulas_side_by_side_stay_apart() -> None:
    math = f"<math>{X2}</math>"
    assert (
        with_formulas(f"<p>{math}{math}<b>{math}</b> {math}</p>") == "<p>$x^2$ $x^2$<b> $x^2$</b> $x^2$</p>"
    )


ARTICLE = (
    "<p>On the {} day the weather was fine and so we went for a long walk along the river, from the old mill to the "
    "bridge that the village had built after the flood, where we sat and ate what was left of the bread and of the "
    "cheese that we had bought in the morning at the market from the man who had told us about the path.</p>"
)


SENTENCE = (
    "<p>Given the body and the law of its motion at the time that was measured with the clock in tower {0}, let {1} be"
    " the {0}th that we look for and that the rest of this page is about, as it was said at the beginning.</p>"
)


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_every_extractor_keeps_each_formula_in_its_sentence(extractor: str) -> None:
    sources = INLINE | DISPLAY
    body = "".join(SENTENCE.format(number, source) for number, source in enumerate(sources))
    page = f"<html><body><article>{ARTICLE.format('first')}{body}{ARTICLE.format('second')}</article></body></html>"
    text = " ".join(extract_page(page, "", [extractor], "precision", comments=False).text.split())
    for number, (source, latex) in enumerate(sources.items()):
        delimiter = "$" if source in INLINE else "$$"
        assert f"in tower {number}, let {delimiter}{latex}{delimiter} be the {number}th" in text
    assert "x2" not in text


def test_tags_and_their_partners() -> None:
    markup = scan(
        "<p a=\"x>y\" B='&lt;q' c=d a=2>it's <m:math><mspace/></m:math><br></p><script>a<b</script>"
    )
    assert [tag.name for tag in markup.tags] == ["p", "math", "mspace", "math", "br", "p", "script", "script"]
    assert markup.match == [5, 3, 2, -1, 4, -1, 7, -1]
    assert markup.attributes(0) == attributes("p a='x>y' b='<q' c=d") == {"a": "x>y", "b": "<q", "c": "d"}
    assert markup.content(6) == "a<b"
    assert markup.html[slice(*markup.span(1))] == "<m:math><mspace/></m:math>"


PIECES = st.sampled_from(
    [
        *(
            "<math>",
            "</math>",
            "<mi>",
            "</mi>",
            "<mfrac>",
            "x",
            "<span class='katex'>",
            "</span>",
            "<mjx-container>",
        ),
        *(
            "</mjx-container>",
            "<script type='math/tex'>",
            "</script>",
            "<img class=latex alt='x'>",
            "<tex-math>",
        ),
        *(
            "$$",
            "\\[",
            "\\]",
            "\\begin{align}",
            "<",
            ">",
            "'",
            '"',
            "=",
            " ",
            "&amp;",
            "<!--",
            "-->",
            "<![CDATA[",
        ),
        *("]]>", "<p>", "</p>", "<pre>", "</pre>"),
    ]
)


@given(st.lists(PIECES, max_size=40))
def test_any_markup_is_survived(pieces: list[str]) -> None:
    html = "".join(pieces)
    assert with_formulas(html) == with_formulas(html)
    scan(html)


HOSTILE = {
    "open tags": "<math>",
    "empty formulas": '<span class="katex"><math></math>',
    "frames": '<span class="MathJax_Preview"></span>',
    "open attributes": '<a b="',
    "quotes": "<a b='\"> ",
    "delimiters": "\\[ $$ x= $$ ",
    "line breaks": "\\\\[ ",
    "environments": "\\begin{equation} ",
    "images": '<p><img class="latex" alt="x"><br>',
    "nested sources": "<mjx-container><formula>",
    "nested tex-math": "<tex-math>",
    "noscript": "<img class=latex alt=x><noscript>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_page(name: str) -> None:
    def work(count: int) -> None:
        closing = "</span></math></formula></mjx-container></tex-math>\\]" * (count // 4)
        with_formulas(f"<div>$$ {HOSTILE[name] * count}{closing}")

    assert_linear(work, 1500)


def test_clean() -> None:
    assert clean(" {\\displaystyle x^{2}} ") == ("x^{2}", False)
    assert clean("\\displaystyle{x}") == ("{x}", False)
    assert clean("\\displaystylex") == ("\\displaystylex", False)
    assert clean("$$ x $$") == ("x", True)
    assert clean("\\[x\\]") == ("x", True)
    assert clean("\\(x\\)") == clean("$x$") == ("x", False)
    assert clean("{\\displaystyle a}{b}") == ("{\\displaystyle a}{b}", False)
    assert clean("a%b\n c 5\\% d\\\\%e") == ("a c 5\\% d\\\\", False)
    assert clean("5\\$") == ("5\\$", False)
    assert clean("$") == ("$", False)


def test_what_can_be_tex() -> None:
    assert all(map(like_tex, ("x", "x^2", "\\alpha", "a+b", "{ab}", "")))
    assert not any(map(like_tex, ("x squared", "image")))
    assert all(map(delimited, ("$x$", "\\(x\\)", "LaTeX: x", "{\\displaystyle x}")))
    assert not any(map(delimited, ("$", "$200 off", "x")))
    assert of_document("\\usepackage{x}\\begin{document}$y$\\end{document}") == "$y$"
    assert of_image("Rendered by QuickLaTeX.com", []) is None
    assert of_image("x ^2", ["https://latex.codecogs.com/png.latex?x%5E2"]) == "x ^2"
    assert of_image("a formula", ["https://i.upmath.me/svg/x%5E2"]) == "x^2"
