"""The strings of the screens: one meaning a key, whatever page it stands on."""

import importlib
from pathlib import Path

import pytest

PAGES = sorted(Path(__file__).resolve().parent.parent.glob("assistant/texts_*.py"))


def strings(page: Path) -> dict[str, tuple[str, str]]:
    module = importlib.import_module(f"assistant.{page.stem}")
    return {key: said for name, table in vars(module).items() if name.isupper() for key, said in table.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_key_of_a_page_says_something_else_on_another(page: Path) -> None:
    others = {key: said for other in PAGES if other != page for key, said in strings(other).items()}
    assert {key for key, said in strings(page).items() if others.get(key, said) != said} == set()
