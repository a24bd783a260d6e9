"""Bytes -> slightly other bytes, as accident or malice might have them."""

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(chance: random.Random, data: bytes, others: Sequence[bytes], *, most: int = 4) -> bytes:
    """Return the data after one to ``most`` changes.

    Args:
        chance: where all decisions come from.
        data: what is changed.
        others: bytes of the same kind, to borrow from.
        most: how many changes there are at most.
    """
    changed = bytearray(data)
    for _ in range(chance.randint(1, most)):
        chance.choice(MUTATIONS)(chance, changed, others)
    return bytes(changed)


def somewhere(chance: random.Random, data: bytearray, longest: int = 40) -> slice:
    """A place in the data, or a stretch of it."""
    start = chance.randint(0, len(data))
    return slice(start, start + chance.randint(0, longest))


def flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def overwrite(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def insert(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.randbytes(chance.randint(1, 4))


def delete(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[somewhere(chance, data)]


def duplicate(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    stretch = bytes(data[somewhere(chance, data)])
    at = chance.randint(0, len(data))
    data[at:at] = stretch * chance.choice([1, 1, 2, 30])


def borrow(chance: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Insert a stretch of another."""
    other = bytearray(chance.choice(others))
    at = chance.randint(0, len(data))
    data[at:at] = other[somewhere(chance, other)]


def splice(chance: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Go on as another does."""
    other = chance.choice(others)
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


def cut(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randint(0, len(data)) :]


MUTATIONS: tuple[Mutation, ...] = (
    *(flip, overwrite, insert, delete, duplicate, borrow, splice, cut),
)
