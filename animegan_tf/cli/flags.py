"""Command-line flags made from a config class, so that code, help, and docs agree."""

from __future__ import annotations

from collections.abc import Callable

from absl import flags

from animegan_tf.training.config import settings

_DEFINE: dict[type, Callable[..., object]] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def define_flags(config_class: type, flag_values: flags.FlagValues) -> None:
    """Defines a flag for each setting, with its help and its choices.

    Ranges are left to the configuration's own check, which reports all findings together.
    """
    for name, kind, _, default, meta in settings(config_class):
        if "choices" in meta:
            flags.DEFINE_enum(name, default, meta["choices"], meta["help"], flag_values=flag_values)
            continue
        _DEFINE[kind](name, default, meta["help"], flag_values=flag_values)


def given_flags(config_class: type, flag_values: flags.FlagValues) -> dict:
    """The settings that the user gave on the command line, by name."""
    return {
        setting.name: flag_values[setting.name].value
        for setting in settings(config_class)
        if flag_values[setting.name].present
    }
