"""Command-line flags made from a config class, so that code, help and README agree."""

from __future__ import annotations

from absl import flags

from animegan_tf.config import settings


def define_flags(config_class) -> None:
    """Defines an absl flag for each setting, with its help, its range and its choices."""
    defaults = config_class()
    for name, kind, _, meta in settings(config_class):
        default, help_text = getattr(defaults, name), meta["help"]
        if "choices" in meta:
            flags.DEFINE_enum(name, default, meta["choices"], help_text)
        elif kind is bool:
            flags.DEFINE_bool(name, default, help_text)
        elif kind is int:
            flags.DEFINE_integer(name, default, help_text)
        elif kind is float:
            flags.DEFINE_float(name, default, help_text)
        else:
            flags.DEFINE_string(name, default, help_text)


def given_flags(config_class) -> dict:
    """The settings that the user gave on the command line, by name."""
    return {name: flags.FLAGS[name].value for name, *_ in settings(config_class)
            if flags.FLAGS[name].present}
