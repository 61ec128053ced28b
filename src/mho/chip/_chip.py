"""`Chip`: how many tiles of which kind, and the digital unit beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mho.converters import AbstractConverter, load_converter
from mho.core import Loader, Metre, Room, Source, SpecError, Volt, fingerprint, format_quantity, nearest, parse_quantity
from mho.digital import AbstractNetworkOnChip, DigitalUnit, Technology, load_network_on_chip, load_technology
from mho.tiles import ROOMS as _TILES
from mho.tiles import AbstractTile, AnalogTile, Compensation, carried


@dataclass(frozen=True)
class Chip:
    """The chip: equal tiles around a digital unit. Load a preset or a TOML file with `Chip.load`."""

    name: str
    title: str
    tiles: int
    tile: AbstractTile
    digital: DigitalUnit
    compensation: Compensation = "none"
    """How the chip makes up for drift when asked to."""
    network: AbstractNetworkOnChip | None = None
    """What carries activations between the tiles and the digital unit; None where it is not counted."""
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if self.tiles < 1:
            raise ValueError(f"a chip has at least one tile, not {self.tiles}")
        if self.network is not None and self.digital.logic.node == 0:
            raise ValueError("digital.logic.node must be given with a network, whose wires are those of the node")

    @classmethod
    def load(cls, name_or_path: str | Path, plugins: Sequence[str] = ()) -> Chip:
        """Load a preset by name or a TOML file by path; classes of your own come from modules named in `plugins`.

        Raises:
            SpecError: with every problem of the file at once.
            FileError: if there is no such preset or file.

        >>> Chip.load("hermes").tiles
        64
        """
        chip = _loader(plugins).load(cls, name_or_path)
        chip.tile.refuse_contradictions(str(name_or_path))
        return chip

    @classmethod
    def from_dict(cls, table: dict[str, object], plugins: Sequence[str] = (), where: str = "") -> Chip:
        """Build a chip from plain values, as `mho.core.dump_spec` writes them."""
        return _loader(plugins).build(cls, table, where=where)

    @staticmethod
    def presets() -> list[str]:
        """Return the names of the presets."""
        return sorted(_loader(()).presets(Chip))

    @property
    def effects(self) -> Mapping[str, Chip]:
        """This chip without one of its non-idealities, by the name of what is missing."""
        return {name: replace(self, tile=tile) for name, tile in self.tile.effects.items()}

    def without(self, *names: str) -> Chip:
        """Switch non-idealities off.

        Raises:
            SpecError: if the chip has no non-ideality of a name.

        >>> "IR drop" in Chip.load("hermes").without("IR drop").effects
        False
        """
        chip = self
        for name in names:
            if name not in chip.effects:
                raise SpecError(
                    [f"{self.name} has no non-ideality {name!r} to switch off; {nearest(name, self.effects)}"]
                )
            chip = chip.effects[name]
        return chip

    def only(self, *names: str) -> Chip:
        """Switch all non-idealities off but these."""
        self.without(*names)  # says which is unknown
        return self.without(*(name for name in self.effects if name not in names))

    def with_converter(self, converter: AbstractConverter | str, carry: bool = False) -> Chip:
        """Return this chip with another converter in its tiles: a part, the name of a preset or a TOML file.

        The converter keeps the node of its own costs, or, with `carry`, comes to the node and supply of the chip's
        gates; one that does not say its node stays as it is.

        Raises:
            SpecError: if the chip's tiles have no converters, or none of this kind, or do not say the node to carry to.

        >>> Chip.load("tile2-rram").with_converter("memristive-5b").name
        'tile2-rram, memristive-5b'
        """
        if not isinstance(self.tile, AnalogTile):
            raise SpecError(
                [f"the tiles of {self.name} have no analog-to-digital converter to replace; take an analog chip"]
            )
        part = load_converter(converter) if isinstance(converter, str) else converter
        label = Path(converter).stem if isinstance(converter, str) else type(converter).__name__
        if carry and part.node is not None:
            gates = self.tile.gates
            if not gates.node:
                raise SpecError(
                    [f"{self.name} does not say its node, to which {label} is to be carried; leave carry out"]
                )
            part = carried(part, gates.node, gates.supply)
            label = f"{label} at {format_quantity(gates.node, 'm')}"
        try:
            tile = replace(self.tile, converter=part)
        except ValueError as error:
            raise SpecError([f"{label} does not fit the tiles of {self.name}: {error}"]) from None
        self._refuse_new(tile, f"{label} does not fit the tiles of {self.name}")
        return replace(self, name=f"{self.name}, {label}", tile=tile)

    def with_network(self, network: AbstractNetworkOnChip | str) -> Chip:
        """Return this chip with a network between its tiles: a part, the name of a preset or a TOML file.

        Raises:
            SpecError: if the chip does not say its node, from which the wires follow.

        >>> Chip.load("hermes").with_network("h-tree").name
        'hermes, h-tree'
        """
        part = load_network_on_chip(network) if isinstance(network, str) else network
        label = Path(network).stem if isinstance(network, str) else type(network).__name__
        try:
            return replace(self, name=f"{self.name}, {label}", network=part)
        except ValueError as error:
            raise SpecError([f"{label} does not fit {self.name}: {error}"]) from None

    def at_node(
        self, node: str | Metre, supply: str | Volt | None = None, technology: Technology | None = None
    ) -> Chip:
        """Return this chip made in another technology node: gates, memory, lines and converters each by its own rule.

        Args:
            node: such as `"7 nm"`, or in m.
            supply: such as `"0.7 V"`, or in V; the node's nominal one if left out.
            technology: the table; the one that comes with mho if left out.

        Raises:
            SpecError: if the chip does not say its node, or node or supply are outside the table.

        >>> Chip.load("dimc-sram").at_node("7 nm").name
        'dimc-sram, 7 nm, 750 mV'
        """
        table = technology or load_technology()
        try:
            size = parse_quantity(node, "m") if isinstance(node, str) else node
            volt = parse_quantity(supply, "V") if isinstance(supply, str) else supply
        except ValueError as error:
            raise SpecError([f"node and supply: {error}"]) from None
        to = table.scaling_from(self.digital.logic, size, volt)
        name = f"{self.name}, {format_quantity(size, 'm')}, {format_quantity(to.supply, 'V')}"
        tile = self.tile.at_node(size, volt, table)
        self._refuse_new(tile, name)
        return replace(
            self,
            name=name,
            tile=tile,
            digital=self.digital.scaled(to),
        )

    def _refuse_new(self, tile: AbstractTile, where: str) -> None:
        """Raise if a tile in place of this chip's contradicts itself where that one did not."""
        if new := set(tile.contradictions) - set(self.tile.contradictions):
            raise SpecError(sorted(new), where=where)

    def fingerprint(self) -> str:
        """Return a SHA-256 over every number of the chip."""
        return fingerprint(self)


def _loader(plugins: Sequence[str]) -> Loader:
    return Loader((*_TILES, Room(Chip, {"Chip": Chip}, "chips")), tuple(plugins))
