"""`python -m eval SUITE [--data DIR] [--json]`: the last line of output is one JSON object with the suite's metrics."""

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.jsonl import BadData
from governance.errors import XinyanError
from governance.settings import Settings

# A suite's module `eval.run_NAME` holds `run(data, settings) -> metrics`; it is imported when it is asked for.
SUITES = sorted(path.stem[4:].replace("_", "-") for path in Path(__file__).parent.glob("run_*.py"))


def main(argv: Sequence[str] | None = None) -> int:
    """0: measured; 2: the data cannot be used; the reason is on standard error in both languages."""
    parser = argparse.ArgumentParser(prog="python -m eval", description="评测 / measures; docs/eval.md")
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=" | ".join(SUITES))
    parser.add_argument(
        "--data", type=Path, help="数据文件夹，格式见 docs/eval.md / a folder in the format of docs/eval.md"
    )
    parser.add_argument("--json", action="store_true", help="只输出最后的 JSON 行 / print the JSON line only")
    asked = parser.parse_args(argv)
    suite: Any = importlib.import_module(f"eval.run_{asked.suite.replace('-', '_')}")
    try:
        metrics: dict[str, Any] = suite.run(_folder(asked.data), Settings())
    except BadData as wrong:
        print(f"{wrong.zh}\n{wrong.en}", file=sys.stderr)
        return 2
    except XinyanError as refused:
        print(f"{refused.say('zh')}\n{refused.say('en')}", file=sys.stderr)
        return 2
    if not asked.json:
        print("\n".join(_table(metrics)))
    print(json.dumps({"suite": asked.suite, "metrics": metrics}, ensure_ascii=False))
    return 0


def _folder(data: Path | None) -> Path | None:
    if data is not None and not data.is_dir():
        raise BadData(f"找不到文件夹 {data}", f"there is no folder {data}")
    return data


def _table(metrics: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in metrics.items():
        if isinstance(value, dict):
            lines += _table(value, f"{prefix}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            lines.append(f"{prefix + name:<32}{value}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
