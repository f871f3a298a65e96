"""Six page templates: an article and its site in, HTML out.

They differ as sites do: semantic elements or nested `div`, tables for layout, a sidebar before or behind the
text, comments, scripts and structured data in the head. Crawled pages are rarely tidy; these are valid, and the
broken ones are planted on their own (`planted.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape

from pipeline.sample.article import Article, seeded
from pipeline.sample.site import Site, comments

Links = list[tuple[str, str]]
"""(href, title) of other pages of the site."""


def page(article: Article, site: Site, related: Links, charset: str | None = "utf-8") -> str:
    """The whole page in the site's template; `charset` None declares none."""
    return TEMPLATES[site.look % len(TEMPLATES)](article, site, related, _head(article, site, charset))


def _head(article: Article, site: Site, charset: str | None) -> str:
    rng = seeded("head", article.url)
    declared = f'<meta charset="{charset}">' if charset else ""
    if charset and site.look == 3:
        declared = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">'
    data = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": article.title,
        "datePublished": article.published,
        "publisher": {"@type": "Organization", "name": site.name},
    }
    extra = ""
    if rng.random() < 0.5:
        extra += f'<script type="application/ld+json">{json.dumps(data)}</script>'
    if rng.random() < 0.5:
        extra += f'<meta property="article:published_time" content="{article.published}T08:00:00Z">'
    return (
        f"<head>{declared}<title>{escape(article.title)} | {escape(site.name)}</title>"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="canonical" href="{escape(article.url)}">{extra}'
        "<style>body{margin:0;font:16px/1.5 sans-serif}.bar{background:#223;color:#fff}.box{padding:1em}</style>"
        "<script>window.dataLayer=window.dataLayer||[];function track(){dataLayer.push(arguments);}"
        f"track('page',{json.dumps(article.path)});</script></head>"
    )


def _text(article: Article, level: str = "h2") -> str:
    parts = []
    for heading, paragraph in article.sections:
        if heading:
            parts.append(f"<{level}>{escape(heading)}</{level}>")
        parts.append(f"<p>{escape(paragraph, quote=False)}</p>")
    return "\n".join(parts)


def _list(labels: tuple[str, ...] | list[str], base: str = "") -> str:
    items = (
        f'<li><a href="/{base}{label.lower().replace(" ", "-")}">{escape(label)}</a></li>' for label in labels
    )
    return f"<ul>{''.join(items)}</ul>"


def _links(related: Links) -> str:
    return (
        "<ul>"
        + "".join(f'<li><a href="{escape(href)}">{escape(title)}</a></li>' for href, title in related)
        + "</ul>"
    )


def _cookies(site: Site) -> str:
    return (
        f'<div id="cookie-banner" class="cookie-consent" role="dialog"><p>{escape(site.cookies)}</p>'
        "<button>Accept all</button> <button>Manage choices</button></div>"
    )


def _remarks(article: Article) -> str:
    said = "".join(
        f'<li class="comment"><cite>{escape(name)}</cite> says:<p>{escape(remark)}</p><a href="#reply">Reply</a></li>'
        for name, remark in comments(article.url)
    )
    return f'<section id="comments" class="comments"><h3>Comments</h3><ol class="comment-list">{said}</ol></section>'


def _magazine(article: Article, site: Site, related: Links, head: str) -> str:
    """Semantic elements, as a content management system of today writes them."""
    return f"""<!DOCTYPE html>
<html lang="{article.language}">{head}
<body>{_cookies(site)}
<header class="bar"><a href="/" class="logo">{escape(site.name)}</a>
<nav class="main-nav">{_list(site.menu)}</nav></header>
<main><article>
<h1>{escape(article.title)}</h1>
<p class="byline">Published on <time datetime="{article.published}">{article.published}</time></p>
{_text(article)}
</article></main>
<aside class="sidebar"><h3>{escape(site.widget)}</h3>{_links(related)}
<h3>Popular tags</h3>{_list(site.tags, "tag/")}</aside>
<footer class="footer"><form class="newsletter"><p>{escape(site.newsletter)}</p><input type="email"><button>Go</button>
</form>{_list(site.legal)}<p>{escape(site.footer)}</p></footer>
</body></html>"""


def _blog(article: Article, site: Site, related: Links, head: str) -> str:
    """A weblog: `div` with class names, the sidebar first, comments behind the post."""
    return f"""<!DOCTYPE html>
<html lang="{article.language}">{head}
<body class="single single-post"><div id="page" class="site">
<div id="masthead" class="site-header"><p class="site-title">{escape(site.name)}</p>
<div id="site-navigation" class="menu">{_list(site.menu)}</div></div>
<div id="secondary" class="widget-area sidebar"><div class="widget"><h2 class="widget-title">{escape(site.widget)}</h2>
{_links(related)}</div><div class="widget newsletter-signup">{escape(site.newsletter)}</div></div>
<div id="primary" class="content-area"><div class="post hentry"><h1 class="entry-title">{escape(article.title)}</h1>
<div class="entry-meta">Posted on {article.published}</div>
<div class="entry-content">
{_text(article, "h3")}
</div></div>
{_remarks(article)}</div>
<div id="colophon" class="site-footer">{_list(site.legal)}<p>{escape(site.footer)}</p></div>
</div>{_cookies(site)}</body></html>"""


def _handbook(article: Article, site: Site, related: Links, head: str) -> str:
    """Documentation: a table of contents on the left, breadcrumbs, previous and next."""
    before = related[0] if related else ("/", "Start")
    behind = related[-1] if related else ("/", "Index")
    crumbs = " › ".join(f'<a href="/{part}">{escape(part)}</a>' for part in article.path.split("/") if part)
    return f"""<!DOCTYPE html>
<html lang="{article.language}">{head}
<body><div class="navbar" role="navigation">{_list(site.menu)}</div>
<div class="container"><div class="toctree sidebar" role="navigation"><p class="caption">{escape(site.widget)}</p>
{_links(related)}</div>
<div class="document" role="main"><div class="breadcrumbs">{crumbs}</div>
<h1>{escape(article.title)}</h1>
<div class="section">
{_text(article)}
</div>
<div class="pagination"><a rel="prev" href="{escape(before[0])}">« {escape(before[1])}</a>
<a rel="next" href="{escape(behind[0])}">{escape(behind[1])} »</a></div></div></div>
<div class="footer" role="contentinfo">{_list(site.legal)}{escape(site.footer)}
<div class="subscribe">{escape(site.newsletter)}</div></div>{_cookies(site)}</body></html>"""


def _table(article: Article, site: Site, related: Links, head: str) -> str:
    """A layout of tables, in upper case, as pages were written around the year 2000."""
    menu = " | ".join(
        f'<A HREF="/{label.lower().replace(" ", "_")}.htm">{escape(label)}</A>' for label in site.menu
    )
    links = "".join(
        f'<TR><TD><A HREF="{escape(href)}"><FONT SIZE=2>{escape(title)}</FONT></A></TD></TR>'
        for href, title in related
    )
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<HTML LANG="{article.language}">{head}
<BODY BGCOLOR="#FFFFFF"><TABLE WIDTH="100%" BORDER=0><TR><TD COLSPAN=2 BGCOLOR="#003366"><FONT COLOR="white">
<B>{escape(site.name)}</B></FONT></TD></TR><TR><TD COLSPAN=2 CLASS="menu">{menu}</TD></TR>
<TR VALIGN="top"><TD WIDTH=180 CLASS="navigation"><TABLE><TR><TH>{escape(site.widget)}</TH></TR>{links}</TABLE></TD>
<TD><DIV CLASS="content"><H1>{escape(article.title)}</H1>
{_text(article, "H3")}
</DIV></TD></TR>
<TR><TD COLSPAN=2 CLASS="footer" ALIGN="center"><FONT SIZE=1>{escape(site.footer)}</FONT>
{_list(site.legal)}<FONT SIZE=1>{escape(site.newsletter)}</FONT></TD></TR></TABLE>
{_cookies(site)}</BODY></HTML>"""


def _portal(article: Article, site: Site, related: Links, head: str) -> str:
    """A news portal: nested `div`, share buttons and teasers between text and footer."""
    share = _list(["Share by mail", "Print this page", "Save for later"], "share/")
    teasers = "".join(
        f'<div class="teaser"><a href="{escape(href)}">{escape(title)}</a></div>' for href, title in related
    )
    return f"""<!DOCTYPE html>
<html lang="{article.language}">{head}
<body><div id="app">
<div class="overlay cookie-notice"><div>{escape(site.cookies)}<a href="/consent">Accept all</a></div></div>
<div class="top-bar nav"><div class="logo">{escape(site.name)}</div><div class="menu">{_list(site.menu)}</div></div>
<div class="layout"><div class="article-wrapper"><div class="article" itemscope itemtype="https://schema.org/NewsArticle">
<h1 class="headline" itemprop="headline">{escape(article.title)}</h1><div class="share social">{share}</div>
<div class="article-body" itemprop="articleBody">
{_text(article)}
</div></div></div>
<div class="related teasers"><div class="kicker">{escape(site.widget)}</div>{teasers}</div></div>
{_remarks(article)}
<div class="page-footer footer"><div class="newsletter">{escape(site.newsletter)}</div>{_list(site.legal)}
<div class="legal">{escape(site.footer)}</div></div></div></body></html>"""


def _minimal(article: Article, site: Site, related: Links, head: str) -> str:
    """A plain personal page that leaves out closing tags which HTML lets one omit."""
    text = _text(article).replace("</p>", "")
    return f"""<!DOCTYPE html>
<html lang="{article.language}">{head}
<body>
<nav><a href="/">{escape(site.name)}</a> {_list(site.menu).replace("</li>", "")}</nav>
<main>
<h1>{escape(article.title)}</h1>
{text}
</main>
<nav class="related"><h4>{escape(site.widget)}</h4>{_links(related).replace("</li>", "")}</nav>
<footer><p>{escape(site.footer)}<p>{escape(site.newsletter)}{_list(site.legal)}</footer>
{_cookies(site)}
"""


TEMPLATES: tuple[Callable[[Article, Site, Links, str], str], ...] = (
    _magazine,
    _blog,
    _handbook,
    _table,
    _portal,
    _minimal,
)
