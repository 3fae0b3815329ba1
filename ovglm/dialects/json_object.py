"""One JSON object that is read while it grows, and is valid JSON wherever it ends."""

import json
import re

__all__ = ["ObjectReader"]

_SPACE = re.compile(r"[ \t\n\r]+")
_COLON = re.compile(r"[ \t\n\r]*:")
_ESCAPE = r"""["\\/bfnrt]|u[0-9a-fA-F]{4}"""
# Up to the closing quote, to an escape that is not whole yet, or to the end.
_STRING = re.compile(rf"""(?:[^"\\]+|\\(?:{_ESCAPE})|\\(?!{_ESCAPE}|u[0-9a-fA-F]{{0,3}}\Z|\Z))*""")
_FAULT = re.compile(rf"\\(?:{_ESCAPE})|\\|[\x00-\x1f]")
_SCALAR = re.compile(r"[-+.0-9a-zA-Z]+")
_VALID_SCALAR = re.compile(
    r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)\Z"
)
_CLOSING = {"{": "}", "[": "]"}


class ObjectReader:
    """Reads JSON up to the end of its object, or to where it is no JSON any more.

    Strings are given out as they grow; a key, a number, a comma only when the value they belong to
    has begun or is whole, so that the end can come anywhere and an unfinished member is left out.
    Mended are line breaks and tabs in strings, backslashes that escape nothing, and last commas.
    """

    def __init__(self) -> None:
        self.is_open = True
        self._rest = ""
        self._out: list[str] = []
        self._pending = ""
        self._brackets: list[str] = []
        self._read = self._read_start

    def push(self, text: str) -> tuple[str, str]:
        """Take more text; give the JSON that is certain now, and what comes after the object."""
        self._rest += text
        while self.is_open and self._rest and self._read():
            pass
        grown = "".join(self._out)
        self._out.clear()
        if self.is_open:
            return grown, ""
        after, self._rest = self._rest, ""
        return grown, after

    def close(self) -> str:
        """Give what is missing to make the object whole; nothing after its end."""
        self.is_open = False
        quote = '"' if self._read == self._read_string else ""
        return quote + "".join(_CLOSING[bracket] for bracket in reversed(self._brackets))

    def _take(self, length: int) -> str:
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def _give(self, text: str) -> None:
        self._out.append(self._pending + text)
        self._pending = ""

    def _fail(self) -> bool:
        self.is_open = False
        return False

    def _skip_space(self) -> bool:
        """Take white space to what is pending; tell whether something follows it."""
        if space := _SPACE.match(self._rest):
            self._pending += self._take(space.end())
        return bool(self._rest)

    def _read_start(self) -> bool:
        if not self._skip_space():
            return False
        self._pending = ""
        return self._open_bracket() if self._rest[0] == "{" else self._fail()

    def _open_bracket(self) -> bool:
        self._brackets.append(self._rest[0])
        self._give(self._take(1))
        self._read = self._read_member
        return True

    def _close_bracket(self) -> bool:
        self._brackets.pop()
        self._pending = ""
        self._give(self._take(1))
        self._read = self._read_comma
        self.is_open = bool(self._brackets)
        return True

    def _read_member(self) -> bool:
        """Read the next key, the next element, or the end of this object or array."""
        if not self._skip_space():
            return False
        if self._rest[0] == _CLOSING[self._brackets[-1]]:
            return self._close_bracket()
        self._read = self._read_key if self._brackets[-1] == "{" else self._read_value
        return True

    def _read_key(self) -> bool:
        """Read a key together with its colon, so that there is never one without a value."""
        if self._rest[0] != '"':
            return self._fail()
        end = _end_of_string(self._rest, 1)
        if self._rest[end : end + 1] != '"':
            return False
        colon = _COLON.match(self._rest, end + 1)
        if not colon:
            return self._fail() if self._rest[end + 1 :].lstrip(" \t\n\r") else False
        self._pending += _mend(self._take(end + 1)) + self._take(colon.end() - end - 1)
        self._read = self._read_value
        return True

    def _read_value(self) -> bool:
        if not self._skip_space():
            return False
        if self._rest[0] in _CLOSING:
            return self._open_bracket()
        if self._rest[0] == '"':
            self._give(self._take(1))
            self._read = self._read_string
            return True
        return self._read_scalar()

    def _read_scalar(self) -> bool:
        """Read a number, true, false or null; it is whole when something else follows."""
        scalar = _SCALAR.match(self._rest)
        if scalar and scalar.end() == len(self._rest):
            return False
        if not scalar or not _VALID_SCALAR.match(scalar.group()):
            return self._fail()
        self._give(self._take(scalar.end()))
        self._read = self._read_comma
        return True

    def _read_string(self) -> bool:
        end = _end_of_string(self._rest, 0)
        self._give(_mend(self._take(end)))
        if self._rest[:1] != '"':
            return False
        self._give(self._take(1))
        self._read = self._read_comma
        return True

    def _read_comma(self) -> bool:
        if not self._skip_space():
            return False
        if self._rest[0] == _CLOSING[self._brackets[-1]]:
            return self._close_bracket()
        if self._rest[0] != ",":
            return self._fail()
        self._pending += self._take(1)
        self._read = self._read_member
        return True


def _end_of_string(text: str, start: int) -> int:
    """Find the closing quote, or where what is known of the string ends."""
    string = _STRING.match(text, start)
    return string.end() if string else start


def _mend(string: str) -> str:
    """Escape what JSON wants escaped."""
    return _FAULT.sub(
        lambda found: found[0] if len(found[0]) > 1 else json.dumps(found[0])[1:-1], string
    )
