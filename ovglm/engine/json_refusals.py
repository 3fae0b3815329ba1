"""What is said of a JSON schema that cannot be enforced, or that no JSON fulfils."""

from collections.abc import Iterable

from ovglm.errors import RequestError

__all__ = ["impossible", "refused", "unsupported"]


def refused(keyword: str, why: str) -> RequestError:
    """Make the error for a keyword that is known, but not in this form."""
    return RequestError(f"the JSON schema's keyword {keyword!r} {why}")


def impossible(why: str) -> RequestError:
    """Make the error for a schema that contradicts itself."""
    return RequestError(f"no JSON fulfils the schema: {why}")


def unsupported(keyword: str, at: str, known: Iterable[str]) -> RequestError:
    """Make the error for a keyword that is not enforced; `known` are those that are."""
    return RequestError(
        f"the JSON schema's keyword {keyword!r} at {at} is not supported",
        hint=f"the keywords that are: {', '.join(sorted(known))}",
    )
