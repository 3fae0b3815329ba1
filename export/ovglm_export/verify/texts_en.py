"""The English half of the fixed texts that an export is held against. Never calibrate on them."""

from collections.abc import Iterable

from ovglm.messages import Message, ToolCall
from ovglm_export.calibration.documents import Document

__all__ = ["ENGLISH", "collect"]

_LIBRARY = (
    {
        "type": "function",
        "function": {
            "name": "find_book",
            "description": "Look for a book in the catalogue of the town library.",
            "parameters": {
                "type": "object",
                "properties": {
                    "title": {"type": "string", "description": "A part of the title"},
                    "author": {"type": "string"},
                    "on_shelf": {"type": "boolean", "description": "Only books that are in"},
                },
                "required": ["title"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "reserve_book",
            "description": "Reserve a book for the reader who asks.",
            "parameters": {
                "type": "object",
                "properties": {"book_id": {"type": "integer"}, "days": {"type": "integer"}},
                "required": ["book_id"],
            },
        },
    },
)

_PROSE = (
    """\
The ferry left at half past six, while the harbour was still dark. Only three passengers stood on \
deck: a baker with two crates of rolls, a girl who carried her bicycle up the ramp, and an old man \
in a yellow coat who came every morning and never got off on the other side. He said that he liked \
to see the lighthouse from the water. Nobody asked him why.

When the boat turned into the open bay, the wind came from the north and it became cold. The girl \
put her hands into her sleeves. The baker opened one of his crates and gave her a warm roll \
without a word, and then, after a short pause, he gave one to the old man as well.
""",
    """\
A glacier moves because ice under pressure is not quite solid. Snow falls on the upper part each \
winter, is pressed into ice over some decades, and slides downhill under its own weight, a few \
centimetres or several metres a day. Near the bottom the ice melts faster than it is replaced. If \
both are in balance the front of the glacier stays where it is, although every piece of ice in it \
is travelling. Since about 1850 most glaciers in the Alps have been out of balance. The water that \
they store in winter feeds rivers in late summer, when there is little rain, so the towns below \
them will notice the loss in August and not in March.
""",
    """\
Before printing, a book was copied by hand, and each copy had mistakes of its own. Scholars turn \
this into a tool. If two manuscripts share an unusual error, it is likely that one was copied from \
the other, or both from a third that is lost. By comparing many errors they can draw a family tree \
of the copies and come close to what the author wrote. The method has a weakness: a careful scribe \
who corrects what he takes for an error leaves no trace, and a scribe who used two sources at once \
belongs to two branches of the tree.
""",
)

_DIALOGUE = (
    (
        "My tomato leaves are turning yellow from the bottom up. What is wrong?",
        "Most likely they lack nitrogen, or they get too much water. Feel the soil two "
        "centimetres down: if it is wet, wait before you water again; if it is dry, feed the "
        "plants and pick off the yellow leaves.",
        "It is quite wet, and the pot has no hole.",
        "Then drainage is the problem. Make a hole in the bottom, or move the plant into another "
        "pot with gravel below the soil. New leaves should be green within two weeks.",
    ),
    (
        "I have to give a short speech at my sister's wedding and I am terrified. Any advice?",
        "Keep it under three minutes and build it from one story. Choose a moment that shows how "
        "she cares for people, tell it plainly, and say how you saw the same care when she met "
        "her partner. End with a wish and raise your glass. Write it on one card, practise aloud "
        "four times, and look at a friendly face when you begin.",
        "Should I make jokes?",
        "One gentle joke about yourself is enough. Avoid anything that needs explaining, former "
        "partners, and stories that embarrass her parents.",
        "And if I forget the text?",
        "Stop, breathe, look at the card. Nobody minds a pause of five seconds at a wedding; to "
        "them it will look as if you were moved.",
    ),
    (
        "Explain to a ten-year-old why the moon seems to follow our car.",
        "The trees beside the road are near, so they rush past the window. The moon is so far "
        "away that a drive of a few kilometres changes almost nothing in the direction in which "
        "you see it. Everything near moves back and the moon stays, so it looks as if it came "
        "along. A friend in another town would say that it follows her car, too.",
    ),
)

_CODE = (
    '''\
def merge_intervals(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join the intervals that overlap or touch."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


assert merge_intervals([(5, 8), (1, 3), (2, 4)]) == [(1, 4), (5, 8)]
''',
    """\
#include <stdio.h>
#include <string.h>

/* Reverse the words of a line in place. */
static void reverse(char *left, char *right) {
    while (left < right) {
        char kept = *left;
        *left++ = *right;
        *right-- = kept;
    }
}

int main(void) {
    char line[256];
    if (fgets(line, sizeof line, stdin) == NULL) return 1;
    line[strcspn(line, "\\n")] = '\\0';
    reverse(line, line + strlen(line) - 1);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        reverse(word, word + strlen(word) - 1);
        printf("%s ", word);
    }
    putchar('\\n');
    return 0;
}
""",
    """\
SELECT station.name, COUNT(*) AS late, ROUND(AVG(stop.delay_s) / 60.0, 1) AS minutes
FROM stop
JOIN station ON station.id = stop.station_id
WHERE stop.delay_s > 300 AND stop.planned >= DATE '2023-03-01'
GROUP BY station.name
HAVING COUNT(*) >= 10
ORDER BY minutes DESC
LIMIT 20;
""",
)

_ARITHMETIC = (
    (
        "What is 47 + 38?",
        "47 + 38 = 85.",
        "And 85 - 29?",
        "85 - 29 = 56.",
        "Now times 3.",
        "56 * 3 = 168.",
    ),
    (
        "A train covers 312 km in 2 hours and 36 minutes. What is its average speed?",
        "2 hours and 36 minutes are 2.6 hours. 312 / 2.6 = 120, so the train runs at 120 km/h on "
        "average.",
        "How long does it need for 450 km at that speed?",
        "450 / 120 = 3.75 hours, which is 3 hours and 45 minutes.",
    ),
    (
        "A jacket costs 84 euros after a discount of 30 percent. What did it cost before?",
        "After the discount 70 percent of the price are left. 84 / 0.7 = 120. The jacket cost 120 "
        "euros before.",
        "Count down from 40 in steps of 4.",
        "40, 36, 32, 28, 24, 20, 16, 12, 8, 4, 0.",
        "Which is larger, 5/8 or 0.6?",
        "5/8 = 0.625, and 0.625 > 0.6, so 5/8 is larger.",
    ),
)

_TOOLS = (
    (
        Message("user", "What time is it in Lima?"),
        Message("assistant", "", (ToolCall("get_time", '{"city": "Lima"}', "1"),)),
        Message("tool", '{"time": "14:20", "zone": "UTC-5"}', tool_call_id="1"),
        Message("assistant", "It is 14:20 in Lima."),
    ),
    (
        Message("system", "You help the readers of a town library.", tools=_LIBRARY),
        Message("user", "Do you have The Old Man and the Sea, and can I borrow it today?"),
        Message(
            "assistant",
            "",
            (ToolCall("find_book", '{"title": "The Old Man and the Sea", "on_shelf": true}', "1"),),
        ),
        Message("tool", '[{"book_id": 2291, "shelf": "H 14", "copies": 1}]', tool_call_id="1"),
        Message("assistant", "Yes, one copy is on shelf H 14. Shall I reserve it for you?"),
        Message("user", "Please do, for a week."),
        Message("assistant", "", (ToolCall("reserve_book", '{"book_id": 2291, "days": 7}', "2"),)),
        Message("tool", '{"reserved": true, "until": "2024-05-18"}', tool_call_id="2"),
        Message("assistant", "Done. The book is reserved for you until 18 May 2024."),
    ),
)


def collect(
    language: str,
    prose: Iterable[str],
    talks: Iterable[Iterable[str]],
    code: Iterable[str],
    sums: Iterable[Iterable[str]],
    calls: Iterable[tuple[Message, ...]],
) -> tuple[Document, ...]:
    """Label the texts of one language; talks and sums are turns that begin with the user's."""
    texts = [("prose", (), one) for one in prose]
    texts += [("dialogue", _take_turns(one), "") for one in talks]
    texts += [("code", (), one) for one in code]
    texts += [("arithmetic", _take_turns(one), "") for one in sums]
    texts += [("tools", one, "") for one in calls]
    return tuple(
        Document(f"the fixed {kind}", messages, text, kind, language)
        for kind, messages, text in texts
    )


def _take_turns(texts: Iterable[str]) -> tuple[Message, ...]:
    """Make a conversation."""
    return tuple(
        Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)
    )


ENGLISH = collect("en", _PROSE, _DIALOGUE, _CODE, _ARITHMETIC, _TOOLS)
