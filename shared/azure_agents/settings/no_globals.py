"""Assignments to the package itself, as code written for LiteLLM makes them, are refused.

LiteLLM keeps settings in its module (``litellm.api_key = …``), which every thread and every tenant
of a process shares. Here a setting is an argument or an environment variable. Python would take the
assignment and nothing would read it, so it is an error. Two switches turn on what is always on
here; they are taken.
"""

from __future__ import annotations

from types import ModuleType

from ..errors import ConfigError

ALWAYS_ON = frozenset({"enable_azure_ad_token_refresh", "enable_preview_features"})
_VARIABLES = {
    "api_base": "AZURE_API_BASE",
    "api_key": "AZURE_API_KEY",
    "api_version": "AZURE_API_VERSION",
    "openai_key": "OPENAI_API_KEY",
}


class Package(ModuleType):
    """A package whose public names cannot be added to from outside."""

    def __setattr__(self, name: str, value: object) -> None:
        """Set what the package has already, private names and submodules; take the two switches.

        Raises:
            ConfigError: It would be a setting that nobody reads.
        """
        if name in ALWAYS_ON:
            return
        is_known = name.startswith("_") or name in dir(self)
        if not is_known and not isinstance(value, ModuleType):
            variable = f", or set {_VARIABLES[name]}" if name in _VARIABLES else ""
            argument = "api_key" if name == "openai_key" else name
            raise ConfigError(
                f"{self.__name__}.{name} = … would change nothing: settings are arguments of a "
                f"call, where there is one ({argument}=){variable}"
            )
        super().__setattr__(name, value)
