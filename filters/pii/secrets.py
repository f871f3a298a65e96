"""API keys and tokens by the prefixes that their issuers gave them, and private keys as PEM blocks."""

from __future__ import annotations

from collections.abc import Iterator

from filters.pii.kinds import Found
from filters.pii.patterns import compiled, stands_alone

_B64 = r"[A-Za-z0-9_\-]"
_KEYS: tuple[tuple[str, str], ...] = (
    ("aws", r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z2-7]{16}"),
    ("github", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255}"),
    ("gitlab", rf"gl(?:pat|ptt|dt|rt|soat|ft)-{_B64}{{20,64}}"),
    ("slack", r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}|xapp-[0-9]-[A-Za-z0-9\-]{20,250}"),
    (
        "slack_hook",
        r"https://hooks\.slack\.com/services/T[A-Za-z0-9_]{6,14}/B[A-Za-z0-9_]{6,14}/[A-Za-z0-9_]{16,32}",
    ),
    ("google", rf"AIza{_B64}{{35}}|GOCSPX-{_B64}{{28}}|ya29\.{_B64}{{30,500}}"),
    ("stripe", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9]{24,64}"),
    ("anthropic", rf"sk-ant-{_B64}{{24,200}}"),
    ("openai", rf"sk-(?:proj-|svcacct-|admin-|or-v1-)?{_B64}{{20,200}}"),
    ("hugging_face", r"hf_[A-Za-z0-9]{30,40}"),
    ("sendgrid", rf"SG\.{_B64}{{22}}\.{_B64}{{43}}"),
    ("twilio", r"(?:SK|AC)[0-9a-f]{32}"),
    ("mailgun", r"key-[0-9a-f]{32}"),
    ("mailchimp", r"[0-9a-f]{32}-us[0-9]{1,2}"),
    ("npm", r"npm_[A-Za-z0-9]{36}"),
    ("pypi", rf"pypi-AgEIcHlwaS5vcmc{_B64}{{50,250}}"),
    ("digitalocean", r"do[opr]_v1_[0-9a-f]{64}"),
    ("shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("square", rf"sq0(?:atp|csp|idp)-{_B64}{{22,43}}"),
    ("telegram", rf"[0-9]{{8,10}}:AA{_B64}{{33}}"),
    ("databricks", r"dapi[0-9a-f]{32}"),
    ("azure", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    ("jwt", rf"eyJ{_B64}{{8,500}}\.eyJ{_B64}{{8,1000}}\.{_B64}{{8,700}}"),
)
_NAMED = (
    r"(?i)\b(?:[a-z0-9]+[_\-.])*(?:api[_\-. ]?key|api[_\-. ]?secret|secret[_\-. ]?(?:access[_\-. ]?)?key"
    r"|access[_\-. ]?token|auth[_\-. ]?token|client[_\-. ]?secret|bearer[_\-. ]?token|private[_\-. ]?token)\b"
    r"['\"]?\]?[ \t]{0,3}(?::=|=>|[:=])[ \t]{0,3}"
    r"['\"]?([A-Za-z0-9_\-/+=.]{16,200})"
)
_PREFIXES = (
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA|ABIA|ACCA)[A-Z2-7]{4}|gh[pousr]_|github_pat_|gl(?:pat|ptt|dt|rt|soat|ft)-"
    r"|xox[abeoprs]-|xapp-|hooks\.slack\.com|AIza|GOCSPX-|ya29\.|[srp]k_(?:live|test)_|whsec_|sk-[A-Za-z0-9\-]{8}|hf_[A-Za-z0-9]{8}"
    r"|SG\.[A-Za-z0-9_\-]{8}|[0-9a-f]{32}|npm_[A-Za-z0-9]{8}|pypi-AgE|do[opr]_v1_|shp(?:at|ca|pa|ss)_|sq0(?:atp|csp|idp)-"
    r"|[0-9]{8}:AA|AccountKey=|eyJ[A-Za-z0-9_\-]{8}"
)
_NAMES_GATE = r"(?i:(?:api|access|auth|client|secret|bearer|private)[_\-. ]?(?:key|secret|token|access))"
GATE = rf"{_PREFIXES}|{_NAMES_GATE}"
PEM_GATE = "PRIVATE KEY"

_BEGIN = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_LINES = r"(?:(?:\s|\\n){0,4}[A-Za-z0-9+/=]{16,})*"
MAX_BLOCK = 20_000  # characters of a private key


def find_keys(text: str) -> Iterator[Found]:
    """The API keys and tokens of a text: by prefix, and random strings assigned to a name such as `api_key`."""
    whole = "|".join(f"({source})" for _, source in _KEYS)
    if compiled(_PREFIXES).search(text) is not None:
        for match in compiled(whole).finditer(text):
            start, end = match.span()
            name = _KEYS[next(i for i, value in enumerate(match.groups()) if value is not None)][0]
            if _random(match.group()) and _alone(text, start, end):
                yield Found("api_keys", start, end, match.group(), name)
    if compiled(_NAMES_GATE).search(text) is not None:
        for match in compiled(_NAMED).finditer(text):
            start, end = match.span(1)
            value = match.group(1)
            if _random(value) and _dense(value) and text[end : end + 1] not in ("(", "[", "{"):
                yield Found("api_keys", start, end, value, "assigned")


def find_private_keys(text: str) -> Iterator[Found]:
    """The PEM blocks of private keys, from BEGIN to END; without an END as far as letters of Base64 reach."""
    done = 0
    for match in compiled(_BEGIN).finditer(text):
        start = match.start()
        if start < done:
            continue
        label = match.group()[11:-5]
        closing = f"-----END {label}-----"
        at = text.find(closing, match.end(), match.end() + MAX_BLOCK)
        if at >= 0:
            end = at + len(closing)
        else:
            rest = text[match.end() : match.end() + MAX_BLOCK]
            end = match.end() + compiled(_LINES).match(rest).end()
        if end - match.end() >= 32:
            done = end
            yield Found("private_keys", start, end, text[start:end])


def _alone(text: str, start: int, end: int) -> bool:
    return stands_alone(text, start, end, "") and text[start - 1 : start] not in ("_", "-")


def _random(value: str) -> bool:
    """Whether a string looks drawn by lot: digits among letters and no long run of one character."""
    body = value[-48:]
    some_digits = any(c.isdigit() for c in body)
    return some_digits and any(c.isalpha() for c in body) and len(set(body)) >= 8


def _dense(value: str) -> bool:
    """Whether a value has as many different characters as random ones have, and no words with separators."""
    distinct = len(set(value))
    digits = sum(c.isdigit() for c in value)
    return (
        distinct >= 10
        and digits >= 3
        and value.count(".") + value.count("/") + value.count("-") <= len(value) // 8
    )
