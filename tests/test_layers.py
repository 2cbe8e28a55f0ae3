"""The house rules that a machine can check: who imports whom, how long files are, and whose names are installed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT: dict[str, set[str]] = {
    "governance": set(),
    "eval": set(),
    "rag": {"governance"},
    "sandbox": {"governance", "eval", "rag"},
    "assistant": {"governance", "eval", "rag", "sandbox"},
}
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FILE = 400, 60, 200


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def is_root(path: Path) -> bool:
    """Composition roots may see everything."""
    return (
        path.name == "__main__.py"
        or path == ROOT / "assistant" / "app.py"
        or (path.parent == ROOT / "eval" and path.name.startswith("run_"))  # a suite: wires the product to a measure
    )


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_only_downwards(folder: str) -> None:
    for path in files(folder):
        if not is_root(path):
            ours = set(imported(path)) & MAY_IMPORT.keys()
            assert ours <= MAY_IMPORT[folder] | {folder}, f"{path.relative_to(ROOT)} imports {ours}"


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "tests"])
def test_no_file_is_longer_than_400_lines_and_half_are_below_200(folder: str) -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files(folder)}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= MEDIAN_FILE


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_function_is_longer_than_60_lines(folder: str) -> None:
    long = {
        f"{path.name}:{node.name}"
        for path in files(folder)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    }
    assert long == set()


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_are_one_level_deep_and_their_init_is_empty(folder: str) -> None:
    assert {path.parent for path in files(folder)} == {ROOT / folder}
    assert (ROOT / folder / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_module_docstrings_are_there_and_at_most_three_lines(folder: str) -> None:
    for path in files(folder):
        if path.name not in ("__init__.py", "errors.py"):  # errors.py draws the tree
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            assert docstring, f"{path.relative_to(ROOT)} has no docstring"
            assert len(docstring.splitlines()) <= 3, path.relative_to(ROOT)


def test_tests_are_flat_and_no_package() -> None:
    assert {path.parent for path in files("tests")} == {ROOT / "tests"}
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_only_consent_makes_a_permit() -> None:
    makers = {
        path.relative_to(ROOT).as_posix()
        for folder in MAY_IMPORT
        for path in files(folder)
        if re.search(r"\bPermit\(", path.read_text(encoding="utf-8"))
    }
    assert makers == {"governance/consent.py"}


def test_only_governance_reads_the_tables_of_personal_data() -> None:
    names = re.compile(r"\b(?:personal_values|wrapped_key|governance\.keys)\b")
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in MAY_IMPORT.keys() - {"governance"}
        for path in files(folder)
        if names.search(path.read_text(encoding="utf-8"))
    }
    assert readers == set()


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_installed_name_is_this_checkout(name: str, tmp_path: Path) -> None:
    """A dependency that ships its own top-level `rag` or `eval` must fail the suite, not shadow ours."""
    code = f"import importlib; print(importlib.import_module({name!r}).__file__)"
    command = [sys.executable, "-P", "-c", code]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).parent == ROOT / name
