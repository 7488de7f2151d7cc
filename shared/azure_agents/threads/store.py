"""The contract of thread stores: three small operations, alike for memory, SQLite and Redis.

It remembers which head an append-only thread stands at. `take` is the claim: whoever takes the
head may append, everybody else forks. Keys are made here, values are short strings.

Why no store can make a turn continue in the wrong place, whatever gets lost, repeated or late:

- A head is the id of one turn. It is put once, by that turn, after it is known to be whole, and
  only the winner of the head before it (or the maker of the thread) comes that far. So what the
  store holds is the end of the thread as long as no *old* head ever comes back.
- Whatever is lost leaves less in the store, and less means a fork: a lost put (no head), a take
  whose answer was lost (taken, by nobody), a process killed in between (the same), an entry that
  expired or had to leave.
- An old head comes back only by a put that is executed again or late, or by a store that is set
  back in time. SQLite executes a put once, while the caller waits. Redis may do neither, so
  there a head that was taken is marked and never put again, and everything that was written
  before a restart or failover is dead (see `redis`).
- A pinned turn appends without a claim, so before it sends anything it *closes* the thread:
  `CLOSED` is final, also for a turn that is under way and puts its head afterwards. It is the one
  put that must not be lost: a head that somebody may still take would stay in the store. So a
  store that is down refuses it (`StoreUnavailableError`), and nothing is sent.
"""

from __future__ import annotations

from typing import Protocol

CLOSED = ""  # the value that no other replaces, and that is never taken
LONGEST = 65_536  # characters; longer keys and values are not kept: a hostile id costs a fork
DAY = 86_400.0
DEFAULT_TTL = 30 * DAY  # as long as the service keeps threads


class ThreadStore(Protocol):
    """A bounded map of short strings with an atomic take.

    A store that cannot be reached behaves as if it held nothing, and says so once in the log; it
    raises in one case only (see `put`). `is_blocking` says whether the operations do I/O; the
    async driver then runs them in a thread.
    """

    is_blocking: bool

    def get(self, key: str) -> str | None:
        """Return the value, or None.

        Args:
            key: What the value was put under; one too long to be kept has none.
        """

    def put(self, key: str, value: str) -> None:
        """Set the value, unless the key is `CLOSED`; a value that was taken may be refused.

        Args:
            key: What it can be found under; at most `LONGEST` characters, else it is not kept.
            value: A short text, as long at most; `CLOSED` closes the key for good.

        Raises:
            StoreUnavailableError: A head is to be `CLOSED` and the store cannot be reached.
        """

    def take(self, key: str, expected: str) -> bool:
        """Remove the key if its value is `expected`, atomically; return whether it was removed.

        Args:
            key: What the value was put under.
            expected: The value that must stand there; never `CLOSED`, which nobody takes.
        """


def head_key(project: str, thread: str) -> str:
    """Return the key under which the head of an append-only thread is kept.

    Args:
        project: The project, as its endpoint names it.
        thread: ``resp_…``, ``conv_…`` or ``thread_…``.
    """
    return f"head:{project}:{thread}"


def pause_key(project: str, run: str) -> str:
    """Return the key under which it is kept who may answer a classic run that waits.

    Args:
        project: The project, as its endpoint names it.
        run: ``run_…`` of the run that waits.
    """
    return f"pause:{project}:{run}"


def system_key(project: str, thread: str) -> str:
    """Return the key of the digest of the system messages last sent to a pinned thread.

    Args:
        project: The project, as its endpoint names it.
        thread: ``resp_…``, ``conv_…`` or ``thread_…``.
    """
    return f"system:{project}:{thread}"


def closes_thread(key: str, value: str) -> bool:
    """Whether this put closes a thread; under other keys an empty value is just a value.

    Args:
        key: What the value is put under.
        value: What is put.
    """
    return value == CLOSED and key.startswith("head:")


def thread_of(key: str) -> str:
    """Return the thread that a key is about.

    Args:
        key: A key that `head_key` made.
    """
    return key.rpartition(":")[2]


def can_keep(*texts: str) -> bool:
    """Whether every store can keep these: not endless, and Unicode that can be written.

    Args:
        texts: Keys and values.
    """
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return all(len(text) <= LONGEST for text in texts)
