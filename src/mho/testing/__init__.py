"""The conformance kit: checks of a part of your own, each failure with the way to repair it."""

from ._device import assert_valid_device as assert_valid_device
