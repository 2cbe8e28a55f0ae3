"""`python -m rag likeness`: compute anew what judges sentences by examples, after packs/examples has changed."""

import sys
from typing import Any

from governance.errors import Language
from governance.settings import Settings
from rag.likeness import digest_of, read_examples
from rag.likeness_fit import fit, vectors_of, write


def add(commands: Any) -> None:
    """The command."""
    commands.add_parser("likeness", help="按例句重算合规判断 / compute anew what judges by the example sentences")


def run(settings: Settings, language: Language) -> int:
    """Reads the examples, computes their vectors once each, writes the weights beside the rule packs."""
    examples = read_examples()

    def told(_step: str, done: int, total: int) -> None:
        sys.stderr.write(f"{'计算向量' if language == 'zh' else 'vectors'} {done}/{total}\n")

    vectors = vectors_of(examples, settings.home / "likeness" / "vectors.npz", told)
    fitted = fit(examples, vectors)
    write(fitted)
    zh = language == "zh"
    sys.stdout.write(f"{'例句' if zh else 'examples'} {len(examples)} {digest_of(examples)}\n")
    for each, report in fitted.report.items():
        sys.stdout.write(f"{each} {_shown(report)}\n")
    return 0


def _shown(report: Any) -> str:
    return " ".join(f"{name}={value:g}" for name, value in report.items())
