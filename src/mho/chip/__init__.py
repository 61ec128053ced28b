"""Chips: tiles, how many, and the digital unit; presets as TOML."""

from ._chip import Chip as Chip
