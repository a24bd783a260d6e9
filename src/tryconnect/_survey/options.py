"""The options of a survey: read and checked once, then trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from tryconnect._model.expect import as_expect
from tryconnect._options import CHECK_TIMEOUT, DEFAULT_LIMIT, check_positive_int, check_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tryconnect._model.expect import ExpectLike
    from tryconnect._options import ClientOptions
    from tryconnect._survey.progress import Progress

__all__ = ["ROWS_PER_PART", "Options", "SurveyOptions", "read_options"]

ROWS_PER_PART = 50_000

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "engine": ("dask", "none"),
    "format": ("parquet", "jsonl"),
    "input_format": (None, "lines", "csv", "parquet", "jsonl"),
}


class SurveyOptions(TypedDict, total=False):
    """What a survey can be called with. See :func:`tryconnect.survey` for the meanings."""

    engine: str
    scheduler: Any
    workers: int | None
    input_format: str | None
    column: str
    keep: Sequence[str] | None
    format: str
    limit: int
    per_host: int | None
    rate: float | None
    rate_per_host: float | None
    timeout: float
    expect: ExpectLike
    client: ClientOptions | None
    canaries: Sequence[str]
    rows_per_part: int
    overwrite: bool
    insecure_scheduler: bool
    dashboard: bool
    show_secrets: bool
    on_progress: Callable[[Progress], object] | None


class Options(NamedTuple):
    """What a survey was called with. See :func:`tryconnect.survey` for the meanings."""

    engine: str = "dask"
    scheduler: Any = None
    workers: int | None = None
    input_format: str | None = None
    column: str = "address"
    keep: Sequence[str] | None = ()
    format: str = "parquet"
    limit: int = DEFAULT_LIMIT
    per_host: int | None = None
    rate: float | None = None
    rate_per_host: float | None = None
    timeout: float = CHECK_TIMEOUT
    expect: ExpectLike = None
    client: ClientOptions | None = None
    canaries: Sequence[str] = ()
    rows_per_part: int = ROWS_PER_PART
    overwrite: bool = False
    insecure_scheduler: bool = False
    dashboard: bool = False
    show_secrets: bool = False
    on_progress: Callable[[Progress], object] | None = None

    @property
    def by_host(self) -> bool:
        """Return whether a host's addresses stay together."""
        return self.per_host is not None or self.rate_per_host is not None

    def of_plan(self) -> dict[str, Any]:
        """Return what stands in the plan, as another value would give other reports."""
        return {
            "version": 1,
            "format": self.format,
            "input_format": self.input_format,
            "column": self.column,
            "keep": None if self.keep is None else [*self.keep],
            "rows_per_part": self.rows_per_part,
            "by_host": self.by_host,
            "timeout": self.timeout,
            "expect": repr(as_expect(self.expect)),
            "client": _digest(self.client),
            "show_secrets": self.show_secrets,
        }


def read_options(given: SurveyOptions) -> Options:
    """Read the keywords of a call.

    Raises:
        TypeError: There is no such option.
        ValueError: One of them makes no sense.
    """
    for name in given:
        if name not in SurveyOptions.__annotations__:
            raise TypeError(f"survey() got an unexpected keyword argument {name!r}")
    options = Options(**given)
    _check(options)
    return options


def _check(options: Options) -> None:
    for name, known in _CHOICES.items():
        if (value := getattr(options, name)) not in known:
            shown = ", ".join(each for each in known if each)
            raise ValueError(f"{name} is one of {shown}, not {value!r}")
    for name in ("limit", "rows_per_part", "per_host", "workers"):
        if (value := getattr(options, name)) is not None:
            check_positive_int(value, name)
    for name in ("rate", "rate_per_host"):
        if (value := getattr(options, name)) is not None:
            check_seconds(value, name)
    check_seconds(options.timeout)
    as_expect(options.expect)


def _digest(client: ClientOptions | None) -> str:
    """Return what tells options from others; headers may be secret, and stand in no file."""
    import hashlib  # noqa: PLC0415 - not to load it with the package

    told = repr(sorted((client or {}).items(), key=str))
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
