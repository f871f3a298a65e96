from __future__ import annotations

from pathlib import Path

import pytest

from filters.loops.stop_word_counts import word_hashes
from filters.stop_words import StopWords
from pipeline import assets
from pipeline.errors import UsageError
from pipeline.named_assets import NamedAsset, checked
from pipeline.stop_lists import MOST, NAMES, justext_lists, own_lists, spacy_lists


def words_in(lists: StopWords, code: str, words: list[str]) -> list[str]:
    number = lists.numbers[code]
    listed = lists.hashes[lists.offsets[number] : lists.offsets[number + 1]].tolist()
    return [word for word in words if int(word_hashes([word])[0]) in listed]


def test_a_folder_of_lists_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "German.txt").write_text("# words\nder\nDie\n\n(das)\n7\n")
    (tmp_path / "deu_Latn.txt").write_text("und\n")
    (tmp_path / "zh.txt").write_text("\ufeff的\n")
    (tmp_path / "README.md").write_text("not a list")
    lists = own_lists(tmp_path)
    assert set(lists.numbers) == {"de", "zh"}
    assert words_in(lists, "de", ["der", "die", "das", "und", "7", "words", "# words"]) == [
        "der",
        "die",
        "das",
        "und",
    ]
    assert words_in(lists, "zh", ["的"]) == ["的"]
    assert own_lists(tmp_path / "zh.txt").numbers == {"zh": 0}
    checked(NamedAsset(kind="stop_words", path=str(tmp_path)), "lists.own")


def test_a_list_of_no_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Germann.txt").write_text("der")
    with pytest.raises(UsageError, match=r"no language is called .*Germann.*German"):
        own_lists(tmp_path)


def test_of_ordered_lists_the_commonest_words_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "English.txt"
    path.write_text("\n".join(f"w{i}" for i in range(MOST + 5)))
    lists = justext_lists((path,))
    assert words_in(lists, "en", ["w0", f"w{MOST - 1}", f"w{MOST}"]) == ["w0", f"w{MOST - 1}"]


def test_sets_are_read_without_running_them(tmp_path: Path) -> None:
    path = tmp_path / "xx" / "stop_words.py"
    path.parent.mkdir()
    path.write_text(
        '"""doc"""\nraise SystemExit\nSTOP_WORDS = set("""\nalpha Beta\n""".split())\nMORE = ["x1"]\n'
    )
    lists = spacy_lists((path,))
    assert words_in(lists, "xx", ["alpha", "beta", "x1", "doc"]) == ["alpha", "beta", "x1"]


def test_every_list_of_justext_is_named() -> None:
    folder = assets.paths("stop_words")[0].parent
    assert {path.stem for path in folder.glob("*.txt")} == set(NAMES)


def test_another_icu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "ICU_VERSION", "1.0")
    with pytest.raises(assets.MissingAssetError, match=r"carries ICU .*, not 1\.0.*icu4py"):
        assets.ASSETS["word_breaker"].load(())
