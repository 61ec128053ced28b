"""Chips: tiles, how many, and the digital unit; presets as TOML."""

from ._chip import Chip as Chip
from ._nonidealities import Nonideality as Nonideality
from ._nonidealities import nonidealities as nonidealities
