"""The settings, as commands need them: apart from what takes longer to load."""

from pathlib import Path

from pydantic import ValidationError

from pixmill import errors
from pixmill.settings import Settings, variable


def load(data_dir: Path | None) -> Settings:
    """
    Return the settings, with *data_dir* when it is given.

    Raises BadOption, naming the variable, when one has a value that it cannot have.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise errors.BadOption(f"{variable(str(first['loc'][0]))}: {first['msg']}.") from error
    return settings if data_dir is None else settings.model_copy(update={"data_dir": data_dir})
