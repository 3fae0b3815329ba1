"""The page in a browser: asking, stopping, editing, and what answers look like."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from page_server import PAUSE, PausingEngine, asked_for

OpenPage = Callable[..., Page]

CODE = "Use this:\n\n```python\ndef one():\n    return 1\n```\n\nThat is **all**."
END_OF_A_CHINESE_WORD = """(area) => area.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }))"""
CALL = 'get_weather\n{"city": "Beijing"}<|observation|>'


def ask(page: Page, text: str) -> None:
    """Type a question and send it with Enter."""
    page.get_by_label("Your question").fill(text)
    page.get_by_label("Your question").press("Enter")


def wait_for_end(page: Page) -> None:
    """Wait until no answer is under way."""
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_an_answer_streams_in_as_markdown_with_its_figures(open_page: OpenPage) -> None:
    engine = PausingEngine(f"Hello **you**, {PAUSE}and `more`.")
    page = open_page(engine)
    ask(page, "hi")
    answer = page.get_by_role("article", name="Model")
    expect(answer.locator("strong")).to_have_text("you")
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    engine.go()
    expect(answer.locator("code")).to_have_text("more")
    expect(answer).to_have_attribute("aria-busy", "false")
    expect(answer.locator(".figures")).to_contain_text("tokens/s")
    expect(answer.locator(".figures")).to_contain_text("CPU")
    expect(page.locator("#facts")).to_have_text("CPU4,096 tokens of contextint4")
    expect(page.locator("#announcer")).to_have_text("Hello **you**, and `more`.")


def test_a_question_waits_until_the_models_are_known(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    held: list[Route] = []
    page.route("**/v1/models", lambda route: held.append(route))
    page.reload()
    ask(page, "hi")
    expect(page.get_by_text("Reading the prompt…")).to_be_visible()
    assert len(held) == 1
    held.pop().continue_()
    expect(page.locator(".prose")).to_have_text("one")


@pytest.mark.parametrize("way", ["Escape", "button"])
def test_an_answer_can_be_stopped_and_what_came_stays(open_page: OpenPage, way: str) -> None:
    engine = PausingEngine(f"The beginning {PAUSE}and the end.")
    page = open_page(engine)
    ask(page, "hi")
    answer = page.get_by_role("article", name="Model")
    expect(answer).to_contain_text("The beginning")
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Stop").click()
    expect(answer.locator(".turn-note")).to_have_text("Stopped")
    expect(answer.locator(".prose")).to_have_text("The beginning")
    assert engine.cancelled.wait(15)


def test_an_earlier_question_can_be_edited_and_the_rest_put_back(open_page: OpenPage) -> None:
    engine = PausingEngine("one", "two", "three")
    page = open_page(engine)
    ask(page, "first")
    expect(page.locator(".prose").last).to_have_text("one")
    ask(page, "second")
    expect(page.locator(".prose").last).to_have_text("two")
    page.get_by_role("article", name="You").first.hover()
    page.get_by_role("button", name="Edit the question").first.click()
    editor = page.get_by_role("textbox", name="Edit the question")
    expect(editor).to_be_focused()
    editor.fill("changed")
    editor.press("Enter")
    expect(page.locator(".prose").last).to_have_text("three")
    expect(page.get_by_role("article")).to_have_count(2)
    assert asked_for(engine)[-1] == "<|user|>\nchanged<|assistant|>"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bubble, .prose")).to_have_text(["first", "one", "second", "two"])


def test_the_up_key_edits_the_last_question_and_escape_leaves_it(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    ask(page, "first")
    wait_for_end(page)
    page.get_by_label("Your question").press("ArrowUp")
    editor = page.get_by_role("textbox", name="Edit the question")
    expect(editor).to_have_value("first")
    editor.press("Escape")
    expect(editor).to_have_count(0)
    expect(page.get_by_role("article", name="You")).to_contain_text("first")


def test_an_answer_can_be_made_again(open_page: OpenPage) -> None:
    engine = PausingEngine("one", "two")
    page = open_page(engine)
    ask(page, "first")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".prose").last).to_have_text("two")
    expect(page.get_by_role("article")).to_have_count(2)
    assert len(set(asked_for(engine))) == 1


def test_answers_and_code_can_be_copied(open_page: OpenPage) -> None:
    page = open_page(PausingEngine(CODE), permissions=["clipboard-read", "clipboard-write"])
    ask(page, "code")
    code = page.locator("figure.code")
    expect(code.locator("figcaption span")).to_have_text("python")
    expect(code.locator(".hljs-keyword").first).to_have_text("def")
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "def one():\n    return 1"
    page.get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_role("button", name="Copy the answer")).to_have_class("icon-button is-done")
    assert page.evaluate("navigator.clipboard.readText()") == CODE


def test_a_tool_call_is_folded_and_takes_its_result(open_page: OpenPage) -> None:
    engine = PausingEngine(CALL, "It is sunny.")
    page = open_page(engine)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Put in an example").click()
    ask(page, "the weather in Beijing?")
    call = page.locator("details.call")
    expect(call.locator("summary")).to_have_text("Calledget_weather")
    expect(call.locator("pre").first).to_be_hidden()
    call.locator("summary").click()
    expect(call.locator("pre").first).to_have_text('{\n  "city": "Beijing"\n}')
    page.get_by_label("Result of get_weather").fill('{"sky": "clear"}')
    page.get_by_role("button", name="Send the result").click()
    expect(page.locator(".prose").last).to_have_text("It is sunny.")
    expect(page.get_by_role("button", name="Send the result")).to_have_count(0)
    assert 'get_weather\n{"city": "Beijing"}' in asked_for(engine)[-1]
    assert '<|observation|>\n{"sky": "clear"}' in asked_for(engine)[-1]


def test_a_question_instead_of_a_result_says_that_nothing_was_run(open_page: OpenPage) -> None:
    engine = PausingEngine(CALL, "As you like.")
    page = open_page(engine)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Put in an example").click()
    ask(page, "the weather in Beijing?")
    expect(page.get_by_role("button", name="Send the result")).to_be_visible()
    ask(page, "never mind")
    expect(page.locator(".prose").last).to_have_text("As you like.")
    assert "did not run this function" in asked_for(engine)[-1]


def test_thoughts_are_folded_beside_the_answer(open_page: OpenPage) -> None:
    engine = PausingEngine(f"<think>Let me {PAUSE}see.</think>\nIt is **so**.")
    page = open_page(engine, dialect="glm45")
    ask(page, "think")
    thoughts = page.locator("details.fold")
    expect(thoughts.locator("summary")).to_have_text("Thinking…")
    expect(thoughts.locator(".thought")).to_be_hidden()
    engine.go()
    expect(thoughts.locator("summary")).to_have_text("Thoughts")
    thoughts.locator("summary").click()
    expect(thoughts.locator(".thought")).to_have_text("Let me see.")
    expect(page.locator(".prose")).to_have_text("It is so.")


def test_what_looks_like_html_stays_text(open_page: OpenPage) -> None:
    attack = (
        '<img src=x onerror="window.broken=1"> <script>window.broken=2</script> '
        "![p](http://127.0.0.1:1/x.png?q=secret) [j](javascript:window.broken=3) "
        '<a href="http://127.0.0.1:1/" onclick="window.broken=4">a</a>'
    )
    page = open_page(PausingEngine(attack))
    ask(page, attack)
    prose = page.locator(".prose")
    expect(prose).to_contain_text('<img src=x onerror="window.broken=1">')
    expect(page.get_by_role("article", name="You")).to_contain_text(attack)
    assert page.evaluate("window.broken") is None
    expect(page.locator("article img, article script, article [onclick]")).to_have_count(0)
    links = prose.locator("a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert [link for link in links if link] == ["http://127.0.0.1:1/x.png?q=secret"]


def test_the_keys_do_what_the_help_says(open_page: OpenPage) -> None:
    page = open_page(PausingEngine("one"))
    question = page.get_by_label("Your question")
    expect(question).to_be_focused()
    page.keyboard.type("a")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("b")
    expect(question).to_have_value("a\nb")
    question.evaluate(END_OF_A_CHINESE_WORD)
    expect(question).to_have_value("a\nb")
    page.keyboard.press("Enter")
    wait_for_end(page)
    expect(page.get_by_role("article")).to_have_count(2)
    page.keyboard.press("Control+K")
    expect(page.get_by_role("article")).to_have_count(0)
    page.locator("#scroll").focus()
    page.keyboard.press("/")
    expect(question).to_be_focused()
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keys and help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
