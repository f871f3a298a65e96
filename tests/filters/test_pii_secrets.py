"""Keys, private keys, wallets and hardware addresses."""

from __future__ import annotations

import pyarrow as pa
import pytest

from filters.pii import Settings, find, mask
from filters.pii.secrets import MAX_BLOCK


def found(text: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.detail, one.value) for one in find(text)]


HEX = "0123456789abcdef" * 2
B64 = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1A3bC6dE9fG2hJ5"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("aws", "AKIAIOSFODNN7EXAMPLE"),
        ("github", "ghp_" + B64[:36]),
        ("github", "github_pat_" + B64[:22] + "_" + B64[:40]),
        ("gitlab", "glpat-" + B64[:20]),
        ("slack", "xoxb-123456789012-123456789012-" + B64[:24]),
        ("slack_hook", "https://hooks.slack.com/services/T00000000/B00000000/" + B64[:24]),
        ("google", "AIza" + B64[:35]),
        ("stripe", "sk_live_" + B64[:24]),
        ("openai", "sk-" + B64[:20] + "T3BlbkFJ" + B64[:20]),
        ("openai", "sk-proj-" + B64[:40]),
        ("anthropic", "sk-ant-api03-" + B64[:40]),
        ("hugging_face", "hf_" + B64[:34]),
        ("sendgrid", "SG." + B64[:22] + "." + B64[:40] + "abc"),
        ("twilio", "SK" + HEX),
        ("mailgun", "key-" + HEX),
        ("mailchimp", HEX + "-us12"),
        ("npm", "npm_" + B64[:36]),
        ("digitalocean", "dop_v1_" + HEX + HEX),
        ("shopify", "shpat_" + HEX),
        ("telegram", "123456789:AA" + B64[:33]),
        ("databricks", "dapi" + HEX),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + B64[:40]),
        ("assigned", B64[:32]),
    ],
)
def test_keys(name: str, key: str) -> None:
    before = "api_key = '" if name == "assigned" else "use "
    text = f"{before}{key}' here"
    assert found(text) == [("api_keys", name, key)]


@pytest.mark.parametrize(
    "text",
    [
        "sk-toggleable-content-is-a-class-name-in-notebooks, AKIA, ghp_short, hf_",
        "api_key = os.environ['THE_API_KEY_OF_MINE'], secret_key: your_secret_key_goes_here",
        "access_token = get_access_token_from_server(1, 2, 3)",
        f"commit {HEX}01234567, {HEX}",
        "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 3,
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert found(text) == []


def pem(label: str, lines: int) -> str:
    return f"-----BEGIN {label}-----\n" + f"{B64}{B64[:23]}\n" * lines + f"-----END {label}-----"


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_private_keys_go_whole(label: str) -> None:
    block = pem(label, 20)
    settings = Settings(mask=("private_keys",), style="tags")
    assert mask(pa.array([f"key:\n{block}\nend"]), settings)[0].to_pylist() == ["key:\n<PRIVATE_KEY>\nend"]
    cut = block[: -len(f"-----END {label}-----")]  # the page ends before the key does
    assert mask(pa.array([cut + "\nother text"]), settings)[0].to_pylist() == ["<PRIVATE_KEY>\n\nother text"]
    long = pem(label, 2 * MAX_BLOCK // 64)
    assert len(mask(pa.array([long]), settings)[0][0].as_py()) < len(long) - MAX_BLOCK // 2


@pytest.mark.parametrize(
    "text", [pem("PUBLIC KEY", 5), pem("CERTIFICATE", 5), "-----BEGIN PRIVATE KEY-----", "PRIVATE KEY"]
)
def test_what_is_no_private_key(text: str) -> None:
    assert find(text, ("private_keys",)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BTC 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", [("base58", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")]),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", [("base58", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")]),
        (
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            [("bech32", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")],
        ),
        (
            "send ETH to 0x52908400098527886E0F7030069857D2E4169EE7",
            [("ethereum", "0x52908400098527886E0F7030069857D2E4169EE7")],
        ),
        ("hash 0x52908400098527886E0F7030069857D2E4169EE7", []),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb, bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp", []),
    ],
)
def test_wallets(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.detail, one.value) for one in find(text, ("wallets",))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eth0 00:1a:2b:3c:4d:5e up, 00-1A-2B-3C-4D-5E", ["00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"]),
        ("cisco 001a.2b3c.4d5e", ["001a.2b3c.4d5e"]),
        ("ff:ff:ff:ff:ff:ff 00:00:00:00:00:00 20:1a:2b:3c:4d:5e:6f:70 12:30:45 g0:1a:2b:3c:4d:5e", []),
    ],
)
def test_macs(text: str, expected: list[str]) -> None:
    assert [one.value for one in find(text, ("macs",))] == expected
