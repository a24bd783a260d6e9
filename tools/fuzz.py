"""Coverage-guided fuzzing of one pure package, with atheris (``pip install atheris``)::

python -m tools.fuzz address --runs 100000 --seed 1

An input that breaks a property is written to the current directory as ``crash-…``; reproduce it
with ``--replay crash-…``.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["tryconnect", "yarl", "idna"]):
    from tests.fuzz import seeds, targets


def dictionary(words: list[bytes]) -> str:
    """The arguments in libFuzzer's own form."""
    return "\n".join('"{}"'.format("".join(f"\\x{byte:02x}" for byte in word)) for word in words)


def fuzz(room: str, *, runs: int, seed: int, longest: int) -> None:
    """Fuzz one package; ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, data in enumerate(seeds.SEEDS[room]):
            (corpus / str(number)).write_bytes(data)
        words = Path(folder, "words")
        words.write_text(dictionary(seeds.WORDS[room]))
        options = {
            "runs": runs,
            "seed": seed,
            "max_len": longest,
            "dict": words,
            "print_final_stats": 1,
        }
        arguments = [f"-{name}={value}" for name, value in options.items()]
        atheris.Setup(
            [sys.argv[0], *arguments, str(corpus)], lambda data: targets.check(room, data)
        )
        atheris.Fuzz()


def main() -> None:
    """Parse the command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", choices=targets.ROOMS)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=int, default=1024, help="most bytes of an input")
    parser.add_argument("--replay", type=Path, help="run one input only")
    chosen = parser.parse_args()
    if chosen.replay:
        targets.check(chosen.room, chosen.replay.read_bytes())
    else:
        fuzz(chosen.room, runs=chosen.runs, seed=chosen.seed, longest=chosen.longest)


if __name__ == "__main__":
    main()
