"""The documentation is true: its Python runs, its commands parse, its links lead somewhere, its lists are complete."""

import importlib
import linecache
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import typer

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in (ROOT / "README.md", *DOCS.rglob("*.md")) if p.is_file())
ROOMS = (
    "core", "arrays", "devices", "converters", "digital", "tiles", "chip", "samples", "ir", "compiler", "runtime",
    "cost", "systems", "reports", "eda", "reproduce", "testing",
)  # fmt: skip
INNER = {"Loader", "Room", "ROOMS", "FileError", "nearest"}
"""Names of core that some rooms import for themselves."""


@dataclass(frozen=True)
class Fence:
    """A block of code: its language, the file it is to be saved as (or ""), its first line, its text."""

    language: str
    title: str
    line: int
    text: str


def _fences(page: Path) -> Iterator[Fence]:
    """Yield the blocks of a page; one without a language counts as shell."""
    head: re.Match[str] | None = None
    start, lines = 0, page.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if head is None and (head := re.fullmatch(r'```(\w*)(?: title="([^"]+)")?\n', line)):
            start = number
        elif head is not None and line.rstrip() == "```":
            yield Fence(head[1] or "sh", head[2] or "", start, "".join(lines[start : number - 1]))
            head = None


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _with(*languages: str) -> list[Path]:
    return [p for p in PAGES if any(f.language in languages for f in _fences(p))]


@pytest.mark.parametrize("page", _with("python"), ids=_name)
def test_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One namespace a page, in an empty folder; a block with a title becomes a file that later blocks can read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    namespace: dict[str, object] = {"__name__": "__page__"}
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "__page__", ModuleType("__page__"))
    try:
        for fence in _fences(page):
            if fence.title:
                (tmp_path / fence.title).write_text(fence.text, encoding="utf-8")
            elif fence.language == "python":
                code = "\n" * fence.line + fence.text
                linecache.cache[str(page)] = (len(code), None, code.splitlines(keepends=True), str(page))
                exec(compile(code, str(page), "exec"), namespace)
    finally:
        for module in set(sys.modules) - before:
            if str(getattr(sys.modules[module], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[module]


@pytest.mark.parametrize("page", _with("sh"), ids=_name)
def test_commands_of_a_page_exist(page: Path) -> None:
    """Every `mho ...` line names a command and options that there are; nothing is run. Targets of make exist too."""
    from mho.cli import app
    from mho.cli._main import register

    register()
    root = typer.main.get_command(app)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for fence in _fences(page):
        if fence.language != "sh":
            continue
        for line in fence.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words and words[0] == "make" and len(words) > 1:
                assert words[1] in targets, line
                arguments = [w[5:] for w in words if w.startswith("ARGS=")]
                words = ["mho", "run", *shlex.split(arguments[0])] if arguments and words[1] == "run" else []
            if words and Path(words[0]).name == "mho":
                command = root.commands.get(words[1])  # type: ignore[attr-defined]
                assert command is not None, line
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    command.make_context(words[1], words[2:])


def _anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)
    slugs = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in headings}
    return slugs | set(re.findall(r'id="([^"]+)"', text)) | set(re.findall(r"\{ ?#([\w-]+)", text))


@pytest.mark.parametrize("page", [*PAGES, DOCS / "llms.txt"], ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    missing: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:href|src)="([^"]+)"', text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            missing.append(target)
    assert not missing


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"([\w/.-]+\.md)\s*$", nav, re.MULTILINE))
    assert {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")} == listed


def _public(room: str) -> set[str]:
    module = importlib.import_module(room)
    return {n for n, v in vars(module).items() if not n.startswith("_") and not isinstance(v, ModuleType)}


def test_every_public_name_is_in_the_api() -> None:
    sections: dict[str, set[str]] = {}
    for room, body in re.findall(
        r"^::: (\S+)\n(.*?)(?=^\S|\Z)", (DOCS / "api.md").read_text(), re.MULTILINE | re.DOTALL
    ):
        sections[room] = set(re.findall(r"^ {8}- (\w+)$", body, re.MULTILINE))
    for room in ROOMS:
        names = _public(f"mho.{room}") - (INNER if room != "core" else set())
        assert sections[f"mho.{room}"] == names, room
    assert _public("mho") <= set().union(*sections.values())


def test_the_page_of_principles_shows_the_compatibility_table() -> None:
    from mho.arrays import excluded, memories, principles

    page = (DOCS / "concepts" / "principles.md").read_text(encoding="utf-8")
    for name in principles():
        cells = ["no" if excluded(name, m) else "yes" for m in memories()]
        assert f"| `{name}` | {' | '.join(cells)} |" in page


def test_the_list_of_digital_operators_is_complete() -> None:
    from mho.ir._work import WORK

    page = (DOCS / "how-to" / "own-network.md").read_text(encoding="utf-8")
    listed = re.findall(r"`(\w+)`", page.partition("<!-- operators -->")[2].partition("<!-- end -->")[0])
    assert sorted(listed) == sorted(WORK)


def test_every_key_in_the_pages_is_in_the_bibliography() -> None:
    from mho.core import bibliography

    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for key in re.findall(r"\[([a-z]+\d{4}|wikichip\d+)\](?!\()", text):
            assert key in bibliography(), f"{_name(page)}: {key}"


def test_fitted_numbers_of_the_presets_are_on_the_page_of_cost() -> None:
    import tomllib

    page = (DOCS / "concepts" / "cost.md").read_text(encoding="utf-8").partition("## What was fitted")[2]
    for file in (ROOT / "src" / "mho" / "data").rglob("*.toml"):
        for source in tomllib.loads(file.read_text(encoding="utf-8")).get("sources", []):
            if source["how"] == "fitted":
                assert f"`{file.stem}`" in page, file.name
                for field in source["fields"]:
                    assert f"`{field.removeprefix('tile.')}`" in page, f"{file.name}: {field}"
