"""What a log shows: no number, account or address of a person, in the message, the arguments or the traceback."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.china_ids import bank_card, resident_id, uscc
from governance.log_filter import PersonalValues, install, masked

ID, CARD, CODE = resident_id("32000019850312451"), bank_card("622202430100123456"), uscc("91320115MA1WX2YP8")
VALUES = ["19900001234", "+86 199-0000-1234", "１９９００００１２３４", ID, CARD, "wang@hexin.example", "025-55501234"]


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of its own with a handler that came before the filter, as those of libraries do."""
    made, out = logging.getLogRecordFactory(), io.StringIO()
    logger = logging.Logger("somebody.else")
    logger.addHandler(logging.StreamHandler(out))
    install()
    yield logger, out
    logging.setLogRecordFactory(made)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_masked_wherever_it_stands(log: tuple[logging.Logger, io.StringIO], value: str) -> None:
    logger, out = log
    logger.warning("called %s", value)
    logger.warning("called " + value)  # noqa: G003
    logger.warning("called %(who)s", {"who": value})
    logger.warning("called %s", [value])
    assert value not in out.getvalue()
    assert out.getvalue().count("[") >= 4


def test_a_number_given_as_a_number_and_one_in_two_parts_are_masked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    logger.warning("phone %d", 19900001234)
    logger.warning("phone %s%s", "1990000", "1234")
    assert out.getvalue() == "phone [PHONE]\nphone [PHONE]\n"


def test_a_traceback_is_masked(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, out = log
    try:
        int("19900001234 / 19900005678")
    except ValueError:
        logger.exception("import failed")
    assert "19900001234" not in out.getvalue()
    assert "ValueError: invalid literal for int() with base 10: '[PHONE] / [PHONE]'" in out.getvalue()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026-11-22 05:58:42,123 worker 12 done in 0.35 s",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "person p_0123456789abcdef withdrawn, 127.0.0.1:7860",
        f"company {CODE}",
        "CY-90 order CY20260612-0098, 国械注准20223061187",
        "100 % done %s",
    ],
)
def test_ids_counts_and_times_stay_as_they_are(log: tuple[logging.Logger, io.StringIO], line: str) -> None:
    logger, out = log
    logger.warning("%s", line)
    assert out.getvalue() == line + "\n"


def test_a_wrong_format_is_still_reported_by_logging_itself() -> None:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, "%d items", ("none",), None)
    assert PersonalValues().filter(record)
    with pytest.raises(TypeError):
        record.getMessage()


def test_arguments_keep_their_number_for_formatters_that_unpack_them() -> None:
    arguments = ("10.0.0.1:5", "GET", "/contact?mail=wang@hexin.example", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "x.py", 1, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert PersonalValues().filter(record)
    assert record.args == ("10.0.0.1:5", "GET", "/contact?mail=[EMAIL]", "1.1", 200)


def test_installing_twice_is_installing_once(log: tuple[logging.Logger, io.StringIO]) -> None:
    made = logging.getLogRecordFactory()
    install()
    assert logging.getLogRecordFactory() is made


@given(
    st.lists(st.sampled_from([*VALUES, " ", "，", "电话", "a", "7", "-", "\n", "[PHONE]", "%s"]), max_size=8).map(
        "".join
    )
)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = masked(text)
    assert masked(once) == once


def test_installing_loads_no_model_library() -> None:
    code = (
        "import sys, logging, governance.log_filter as f; f.install(); logging.warning('19900001234');"
        "print({'presidio_analyzer', 'spacy', 'onnxruntime'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("set()\n", "WARNING:root:[PHONE]\n")
