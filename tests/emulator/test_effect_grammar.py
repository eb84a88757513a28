"""The grammar of effects and rules, what their values may be, and what an error says."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakefal.core.effects import Effect, EffectRule
from fakefal.core.grammar import BadEffect, read_rule
from fakefal.effects.known import parse_checked, parse_rule

pytestmark = pytest.mark.quick

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
TEXTS = st.text() | st.sampled_from(["and", "when", "1", ".5", "true", "a:", "a/b-c", "a,b", 'it\'s "so" \\'])
DEEP = "[" * 50 + "]" * 50


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("+2", 2),
        ("9" * 5000, float("inf")),
        ("True", True),
        ("null", None),
        ("None", None),
        ("o1/image-to-video", "o1/image-to-video"),
        ("abc-def", "abc-def"),
        ("2026-01-01", "2026-01-01"),
        ("https://a.example:8080/a.mp4", "https://a.example:8080/a.mp4"),
        ("Grüße", "Grüße"),
        ("'No, \"thanks\"'", 'No, "thanks"'),
        (r'"it\'s \u00e9\ud83d\ude00\n"', "it's é😀\n"),
        ("' and b=1) when '", " and b=1) when "),
        ("[[], {}, [1,], ]", [[], {}, [1]]),
        ("{a: [x, 'y'], \"b\": {c: null}}", {"a": ["x", "y"], "b": {"c": None}}),
        ('{"a":1,"b":true,"c":{"d":/x,"e":[0,"y"]}}', {"a": 1, "b": True, "c": {"d": "/x", "e": [0, "y"]}}),
    ],
)
def test_what_a_value_stands_for(value: str, expected: Any) -> None:
    assert read_rule(f" f( a={value}) when b = {value} and c={value}") == (
        "f",
        {"a": expected},
        {"b": expected, "c": expected},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at the end: write name or name(key=value, ...)"),
        ("f(1)", "'1)' at character 3: write name or name(key=value, ...)"),
        ("f(**{'a': 1})", "\"**{'a': 1})\" at character 3: write name or name(key=value, ...)"),
        ("f(", "at the end: close the bracket: )"),
        ("f(a=[1, 2)", "')' at character 10: close the bracket: ]"),
        ("f(a=)", "')' at character 5: write a value"),
        ("f(a=don't)", '"\'t)" at character 8: put the text in quotes, or write a comma'),
        ("f(a='x)", '"\'x)" at character 5: close the quote'),
        ("f(a=?)", "'?)' at character 5: put the text in quotes"),
        ("f(a=open('x'))", "\"('x'))\" at character 9: put the text in quotes, or write a comma"),
        ("f(a=(1, 2))", "'(1, 2))' at character 5: write a list as [1, 2]"),
        ("f(a={1: 2})", "'1: 2})' at character 6: write {\"name\": value, ...}"),
        (r"f(a='C:\d')", r""""\\d')" at character 8: write \\ for a backslash"""),
        ("f(a=1, a=2)", "'a=2)' at character 8: give a once"),
        (f"f(a=[{DEEP}])", "'[" + "]" * 19 + "' at character 55: nest at most 50 lists and objects"),
        ("stuck nth=1", "'nth=1' at character 7: write: stuck when nth=1"),
        ("stuck when nth", "'nth' at character 12: write: stuck when nth=1"),
        ("stuck when nth=1 and", "at the end: write: stuck when nth=1"),
        ("stuck when nth==1", "'=1' at character 16: write = once"),
        ("stuck when nth=1, key=abc", "', key=abc' at character 17: write: stuck when nth=1 and key=abc"),
        ("f(a=x) when b=1, c='y z'", '", c=\'y z\'" at character 16: write: f(a=x) when b=1 and c="y z"'),
        ("f when b=a dog", "'dog' at character 12: put the text in quotes, or write and before a condition"),
    ],
)
def test_an_error_says_where_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(BadEffect) as caught:
        read_rule(text)
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ["f" + "()" * 1000, "f(a=" + "[" * 10**6, "f(a=" + "{a:" * 10**5, "(" * 10**6])
def test_a_deep_text_is_refused(text: str) -> None:
    with pytest.raises(BadEffect):
        read_rule(text)


@given(st.text() | st.text("ab=,'\"()[]{}:\\ 1"))
def test_any_text_is_a_rule_or_a_clear_error(text: str) -> None:
    for candidate in (text, f"f(a={text})", f"f when a={text}"):
        with suppress(BadEffect):
            read_rule(candidate)


@given(
    st.builds(
        EffectRule,
        st.builds(Effect, st.just("respond"), st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)),
        endpoint=TEXTS,
        key=st.none() | TEXTS,
        prompt=TEXTS,
        nth=st.none() | st.integers(1),
        probability=st.floats(0, 1),
    )
)
def test_a_rule_written_out_is_the_same_rule(rule: EffectRule) -> None:
    name, arguments, conditions = read_rule(str(rule))
    assert EffectRule(Effect(name, arguments), **conditions) == rule


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("stuck", "stuck", {}),
        (" stuck() ", "stuck", {}),
        ("runner_disconnected(attempts=2)", "runner_disconnected", {"attempts": 2}),
        ("locked_account(reason=budget)", "locked_account", {"reason": "budget"}),
        (
            'respond(result={"a": [1, null, true]}, logs=["x"], seconds=1.5)',
            "respond",
            {"result": {"a": [1, None, True]}, "logs": ["x"], "seconds": 1.5},
        ),
        ("content_policy_violation(msg='No, \"thanks\"')", "content_policy_violation", {"msg": 'No, "thanks"'}),
    ],
)
def test_what_is_an_effect(text: str, name: str, arguments: Any) -> None:
    effect = parse_checked(text)
    assert (effect.name, effect.arguments) == (name, arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stck", "did you mean stuck?"),
        ("stuck(seconds=1)", "stuck takes no arguments, not 'seconds'"),
        ("runner_disconnected(attempts=many)", "attempts is a whole number"),
        ("slow_response(seconds=-1)", "seconds is a number"),
        ("slow_response(seconds=" + "9" * 400 + ")", "seconds is a number"),
        ("locked_account(reason=[1])", "reason is one of"),
        ("respond(result={}, logs=5)", "logs is a list of texts"),
        ("respond(result={}, status=204)", "status is a status from 200 to 599 that has a body"),
        ("respond(result={}, status=99)", "that has a body"),
        ("respond(status=503)", "a status needs a result or a text"),
        ("respond()", "give what the job answers or how it runs: result={...}, video='clip.mp4', seconds=3"),
        ("respond(result={}, text='x')", "give a result or a text, not both"),
        ("respond(video='https://a.example/a.mp4', text='x')", "give a video or a text, not both"),
        ("respond(text=5)", "text is a text"),
        ("respond(events=[])", "events is a list of JSON values, the last one the whole result"),
        ("respond(events={})", "events is a list of JSON values"),
        ("respond(events=[1], result={})", "give a result or events, not both"),
        ("respond(events=[1], status=503)", "a status needs a result or a text"),
        ("request_timeout(user=1)", "user is true or false"),
        ("request_timeout(user=true, attempts=2)", "does not try again after the caller's own timeout"),
        ("startup_timeout(user=true)", "takes attempts, not 'user'"),
        ("respond(result=" + "[" * 150 + "]" * 150 + ")", "nest at most 50"),
        ("content_policy_violation(msg=5)", "msg is a text"),
        ("content_policy_violation(loc='x')", "loc is a list"),
        ("retry_then_succeed(attempts=10)", "use fewer"),
        ("locked_account(reason=tired)", "reason is one of exhausted_balance"),
        ("locked_account(reason='')", "or fal's own text, such as 'TOP_UP.'"),
        ("stuck(nth=1)", "nth is a condition; write: stuck when nth=1"),
        ("stuck when nth=1", "conditions do not belong here; write: stuck"),
        ("bogus", "there is no effect 'bogus'; `fakefal effects` lists all"),
        ("'429'", "write name"),
        ("429", "did you mean concurrent_requests_limit or queue_full?; `fakefal effects` lists all"),
        ("http_413", "did you mean request_too_large?"),
        ("generation_timeout nth=2", "write: generation_timeout when nth=2"),
        ("slow_response(seconds=3) nth=2 and key=a", "write: slow_response(seconds=3) when nth=2 and key=a"),
        ("stuck, queue_full", "write one effect in each text: repeat --effect"),
        ("stuck queue_full", "write one effect in each text: repeat --effect"),
        ("x" * 3000, "at most 2000 characters"),
        ("content_policy_violation(self=1)", "takes billed, input, loc, msg, not 'self'"),
        ("content_policy_violation(billed=1)", "billed is true or false"),
        ("internal_server_error(billed=true)", "not 'billed'"),
        ("respond(result={}, billed=true)", "billed needs a status that fal may charge"),
        ("respond(result={}, status=500, billed=true)", "billed needs a status that fal may charge"),
        ("content_policy_violation(mesage='typo')", "not 'mesage'"),
        ("image_too_small(min_widht=1)", "did you mean min_width?"),
        ("content_policy_violation(attempts=2)", "not 'attempts'"),
        ("respond(result={}, attempts=2)", "attempts need a status"),
    ],
)
def test_what_is_none_says_why(text: str, said: str) -> None:
    with pytest.raises(BadEffect) as caught:
        parse_checked(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stuck when nth=0", "nth counts from 1"),
        ("stuck when probability=2", "probability lies between 0 and 1"),
        ("stuck when color=red", "a rule looks at endpoint, key"),
        ("stuck when nth=true", "nth counts from 1"),
        ("stuck when endpoint=5", "endpoint is a text"),
        ("stuck when key=123", "key is a text: write key='123'"),
        ("drop_before_accept(bytes=-1)", "bytes is a whole number from 0"),
        (
            "drop_before_accept when prompt=dog",
            "happens before the prompt is read: choose it by endpoint, key, nth, probability",
        ),
    ],
)
def test_wrong_conditions_say_why(text: str, said: str) -> None:
    with pytest.raises(BadEffect) as caught:
        parse_rule(text)
    assert said in str(caught.value)
