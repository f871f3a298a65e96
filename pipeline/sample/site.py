"""What surrounds the text on a site's pages: names, navigation, cookie notice, footer, sidebar, comments.

Each host has one look and one set of labels on all of its pages, as real sites do. The sentences that a reader
would not call content are listed by `Site.boilerplate`, so that the truth file can say what must not survive.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.sample.article import seeded

_MENU = (
    "Home page", "About this site", "Release archive", "Reader survey", "Mailing lists", "Job openings",
    "Events calendar", "Press room", "Sign in", "Create account", "Shopping basket", "Site map", "Help centre",
    "Contact the office", "Printed editions", "Image gallery", "Partner programme", "Live support",
)  # fmt: skip
_COOKIES = (
    "We use cookies to make {name} work and to understand how it is read.",
    "This website stores cookies on your device; by continuing to browse {name} you accept our cookie policy.",
    "{name} and its 214 partners use cookies and similar techniques to show personalised advertising.",
    "Your privacy matters to us. {name} uses cookies that are needed for the site, and others with your consent.",
)
_FOOTERS = (
    "© 2016–2024 {name}. All rights reserved.",
    "Copyright 2024 {name} Media Group. Reproduction in whole or in part is prohibited.",
    "{name} is a registered trademark. Made with care since 2011. All rights reserved.",
)
_LEGAL = ("Terms of use", "Privacy policy", "Imprint and contact", "Accessibility statement")
_NEWSLETTERS = (
    "Subscribe to the {name} newsletter and never miss an update.",
    "Get the {name} weekly digest delivered straight to your inbox.",
    "Join 48,000 readers of the {name} bulletin.",
)
_WIDGETS = ("Most read this week", "Trending now", "You may also like", "Popular tags", "From the archive")
_TAGS = (
    "howto",
    "beginners",
    "releases",
    "interviews",
    "opinion",
    "archive",
    "tooling",
    "community",
    "weekly",
)
_COMMENTS = (
    "First! Thanks for sharing this one.",
    "Great post, I have bookmarked it and will come back later.",
    "Could somebody please explain the second part again?",
    "I do not agree at all, but it was a nice read anyway.",
    "Same problem here since the last update. Any news on this?",
    "Thank you so much, this saved my whole afternoon.",
)
_NAMES = ("dora_k", "old_miller", "t.ferris", "nightowl77", "Bela", "quietreader", "m-lindqvist", "Arno P")
_SUFFIXES = ("Journal", "Weekly", "Online", "Handbook", "Review", "Notebook", "Digest", "Observer")

LOOKS = 6
"""The number of page templates."""


class Site(NamedTuple):
    """The frame of one host's pages."""

    host: str
    name: str
    look: int  # which template
    menu: tuple[str, ...]
    cookies: str
    footer: str
    legal: tuple[str, ...]
    newsletter: str
    widget: str
    tags: tuple[str, ...]

    @property
    def boilerplate(self) -> tuple[str, ...]:
        """Strings of the frame that must not be part of the text of a page."""
        return (self.cookies, self.footer, self.newsletter, self.widget, *self.menu[:3], *self.legal[:2])


def site(host: str) -> Site:
    """The frame of a host, a function of its name."""
    rng = seeded("site", host)
    name = f"{host.removesuffix('.example').replace('-', ' ').title()} {rng.choice(_SUFFIXES)}"
    return Site(
        host=host,
        name=name,
        look=rng.randrange(LOOKS),
        menu=tuple(rng.sample(_MENU, rng.randint(5, 9))),
        cookies=rng.choice(_COOKIES).format(name=name),
        footer=rng.choice(_FOOTERS).format(name=name),
        legal=tuple(rng.sample(_LEGAL, 3)),
        newsletter=rng.choice(_NEWSLETTERS).format(name=name),
        widget=rng.choice(_WIDGETS),
        tags=tuple(rng.sample(_TAGS, 4)),
    )


def comments(url: str) -> list[tuple[str, str]]:
    """(name, remark) of the readers who commented on a page; often nobody did."""
    rng = seeded("comments", url)
    number = rng.choice([0, 0, 1, 2, 3])
    return list(zip(rng.sample(_NAMES, number), rng.sample(_COMMENTS, number), strict=True))
