"""Words that say that a number is a telephone number, before it and after it, and words that say that it is none.

Each pattern reads a few dozen characters beside a candidate, never a whole text.
"""

from __future__ import annotations

from filters.pii.patterns import BLANKS, DASHES, compiled

BEFORE, AFTER = 56, 32  # characters that are read on either side

_WORDS = (
    r"\b(?:tel|tels|telephones?|telefon[oesi]?|telefoons?|telefoonnummer|telefonnummer|t[ée]l[ée]phones?|tel[ée]fonos?"
    r"|t[ée]l|tlf|tlfn|phones?|ph|fones?|fax|telefax|faks|faxnummer|mobile|mobiles|mobil|mobiel|mobilnummer|mob|m[óo]vil"
    r"|celular|cel|cell|cellphone|cellulare|portable|handy|handynummer|gsm|whats ?app|viber|wechat|hotlines?|helplines?"
    r"|landline|puh|puhelin|matkapuhelin|sími|rufnummer|durchwahl|infoline|switchboard|toll[ -]?free|hp|wa"
    r"|rueckruf|centralino|kontakt|phone number|contact numbers?)\b"
    r"|тел|телефон|моб|факс|τηλ|τηλέφωνο|κιν|電話|电话|手机|手機|联系方式|传真|傳真|热线|熱線|携帯|전화|휴대폰|핸드폰|팩스"
    r"|هاتف|تلفن|جوال|موبايل|فاكس|טלפון|נייד|פקס|โทร|มือถือ|điện thoại|đt\b|sđt|फोन|मोबाइल|ফোন"
)
_FILLER = (
    rf"(?:[{BLANKS}\t.:：=#*|/()\[\]{DASHES}→☎✆,]|\b(?:no|nos|nr|num|numbers?|nummer|n[úu]mero|us|me|is|at|on|to|or|for"
    rf"|toll|free|office|support|sales|only|service|customer|and|und|oder|ou|et|line|direct|main|local|our|my|the|номер"
    rf"|him|her|them|by|via|using)\b){{0,10}}"
)
_END = rf"(?:\r?\n[{BLANKS}\t]{{0,4}})?[(]?\z"
_STRONG = rf"(?i)(?:{_WORDS})(?:{_FILLER}|[^\n0-9:]{{0,24}}:[{BLANKS}\t]{{0,3}}){_END}"
_WEAK = (
    rf"(?i)(?:\b(?:call(?:ed|ing|s)?|text(?:ed)?|dial|ring|rang|phoned?|reach(?:ed|able)?|contact(?:ed)?|messages?"
    r"|answering|sms|faxed|speak|talk|responding|available)\b[^\n0-9.;:!?]{0,32}?"
    r"\b(?:at|on|to|via|under|us|me|him|her|them|is)[ :]{1,2}"
    r"|\b(?:call|text|dial|ring|sms)[ :]{1,2}"
    r"|\bsen[dt] (?:it|this|that|them|an? (?:text|message|sms|code)|the (?:code|message)) to "
    r"|(?:^|[\n|•;])[ \t]*(?:number|n[úu]mero|nummer|номер)[:.]? "
    r"|\b(?:my|his|her|their|our|your)(?: [a-z]+)? number(?: is| was)?[ :]{1,3}"
    r"|\bmy registered(?: [a-z]+){0,2} "
    r"|\b(?:office|desk|home|work|direct|main|reception|emergency|contact|enquiries|inquiries|support|sales|reservations"
    r"|bookings?|customer (?:service|care))(?: (?:no|number|line))?\.?:"
    rf"|(?:^|[\n|,;•·(]|[.!?]\s)[{BLANKS}\t]{{0,2}}[TPMFCHWO][.:)][{BLANKS}]?"
    rf")[{BLANKS}\t]{{0,3}}{_END}"
)
_AFTER = (
    rf"(?i)[{BLANKS}{DASHES}]{{0,3}}(?:[(\[](?:tel|phone|ph|fax|office|mobile|mob|cell|home|work|direct|main"
    r"|toll[ -]free|voice|day|evenings?)\.?[)\]]"
    r"| (?:is|was) (?:my|his|her|our|their|the) (?:[a-z]+ ){0,2}(?:number|phone|cell|mobile)\b"
    r"|(?:fax|office|mobile|cell|landline|desk|home|work|direct|phone)(?:[\t ]*(?:[\n,;)|\\/]|\z)|\.(?:\s|\z)))"
)
_NO_PHONE = (
    r"(?i)(?:\b(?:isbns?(?:-1[03])?|issn|eissn|doi|sku|upc|ean|gtin|asin|oclc|pmid|lccn|item|part|model|serial|order|invoice"
    r"|ref|reference|case|patent|account|acct|lot|batch|vat|version|license|licence|registration|docket|catalog|catalogue|cat"
    r"|article|art|product|code|stock|tracking|id|ticket|pages?|pp?|vol|volume|lat|latitude|long|longitude|charity|company)"
    r"(?:[ \-]?(?:nos?|numbers?|num|nr|id|code))?|№)[.:# ]{0,3}\z"
)
_BOOK = r"(?i)\b(?:isbns?(?:-1[03])?|e?issn|doi)\b[^\n]{0,8}\z"


def before(text: str, start: int) -> bool:
    """Whether what stands before a number says that it is a telephone number."""
    window = text[max(0, start - BEFORE) : start]
    return compiled(_STRONG).search(window) is not None or compiled(_WEAK).search(window) is not None


def after(text: str, end: int) -> bool:
    """Whether what stands after a number says so, as `(mobile)` or `fax` at the end of a line."""
    window = text[end : end + AFTER]
    return bool(window) and compiled(_AFTER).match(window) is not None


def against(text: str, start: int) -> bool:
    """Whether a word before a number says that it is another kind of number."""
    return compiled(_NO_PHONE).search(text[max(0, start - 28) : start]) is not None


def book(text: str, start: int) -> bool:
    """Whether the number is that of a book, a journal or an article."""
    return compiled(_BOOK).search(text[max(0, start - 20) : start]) is not None
