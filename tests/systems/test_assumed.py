"""assumed: every guess of every part, with its reason, and no other source."""

from dataclasses import replace

from mho.core import walk_sources
from mho.systems import assumed, fit, load_medium, load_system, load_workload


def test_guesses_of_a_medium() -> None:
    medium = load_medium("pcm-3d")
    texts = assumed(medium)
    own = [s.source for s in walk_sources(medium) if s.source.how == "assumed"]
    assert len(texts) == len(own) > 2
    for text, source in zip(texts, own, strict=True):
        assert text.endswith(source.reason)
        assert all(field in text for field in source.fields)
    assert assumed(medium, medium) == texts


def test_a_plan_names_the_memory_only_if_it_reads_it() -> None:
    medium = load_medium("pcm-3d")
    image, token = (fit(load_workload(name), medium) for name in ("resnet-20", "smollm2-135m"))
    assert set(image.assumed()) < set(token.assumed())
    assert set(token.assumed()) - set(image.assumed()) == set(assumed(token.memory))
    assert token.to_dict()["assumed"] == token.assumed()


def test_measured_parts_have_no_guesses() -> None:
    system = load_system("npu")
    assert assumed(system)
    assert not assumed(replace(system, sources=(), memory=replace(system.memory, sources=())))
