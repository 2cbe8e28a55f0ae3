"""python -m sandbox COMMAND: what the admin page does, by hand; `--help` lists the commands."""

import sys

from assistant.fuel import gather_fuel
from governance import log_filter
from governance.errors import GateFailed, XinyanError
from governance.settings import Settings
from sandbox.commands import build_parser
from sandbox.session import Session


def main(argv: list[str]) -> int:
    """0 when all went well, 1 when the gate said no, 2 for an error that the message explains."""
    log_filter.install()
    asked = build_parser().parse_args(argv)
    try:
        return asked.handle(Session(Settings(), gather_fuel), asked)
    except XinyanError as wrong:
        print(wrong.say("zh"), wrong.say("en"), sep="\n", file=sys.stderr)
        return 1 if isinstance(wrong, GateFailed) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
