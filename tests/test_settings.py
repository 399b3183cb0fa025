"""Settings of where results are kept, and of what their links are signed with."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pixmill.settings import SECRET_LENGTH, Settings, settings_table
from pixmill.stores.objects import Objects


def test_results_are_kept_in_the_data_directory_by_default(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "a b%#")
    Objects(settings.resolved_storage_url)

    assert (tmp_path / "a b%#" / "objects").is_dir()
    assert Settings(storage_url="s3://x/y").resolved_storage_url == "s3://x/y"


@pytest.mark.parametrize("length", [0, SECRET_LENGTH, 100])
def test_a_long_secret_or_none_is_taken(length: int) -> None:
    assert len(Settings(secret_key="s" * length).secret_key.get_secret_value()) == length


@pytest.mark.parametrize("secret", ["?", "?" * (SECRET_LENGTH - 1)])
def test_a_secret_that_could_be_guessed_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError, match="at least 32 characters") as refusal:
        Settings(secret_key=secret)

    assert secret not in str(refusal.value)


def test_secrets_are_not_shown() -> None:
    secret = "s" * SECRET_LENGTH
    settings = Settings(secret_key=secret, storage_secret_access_key=secret)

    assert secret not in repr(settings)
    assert "`PIXMILL_SECRET_KEY` | (empty)" in settings_table()
