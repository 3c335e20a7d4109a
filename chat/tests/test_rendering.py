import pytest

from chat.rendering import render_reply


def test_citation_marks_become_links_to_our_passages():
    html = render_reply("子曰[1]，又曰[3]。", passage_ids={1: 77})

    assert html == '<p>子曰<a href="/passages/77">[1]</a>，又曰[3]。</p>\n'


def test_markdown_is_rendered():
    html = render_reply("**仁**\n\n> 克己复礼\n\n- 一\n- 二", passage_ids={})

    assert "<strong>仁</strong>" in html
    assert "<blockquote>" in html
    assert "<li>一</li>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![图](https://evil.example/x.png)",
        "[点我](https://evil.example/)",
        "[点我](javascript:alert(1))",
        "<https://evil.example/>",
        "[点我](/passages/1/../../admin/)",
    ],
)
def test_nothing_foreign_comes_through(text):
    html = render_reply(text, passage_ids={})

    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_marks_inside_code_stay_as_they_are():
    assert render_reply("`[1]`", passage_ids={1: 5}) == "<p><code>[1]</code></p>\n"
