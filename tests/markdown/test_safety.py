"""Links and images: allowed URLs, and warnings next to misleading labels."""

from __future__ import annotations

import pytest

from markdown_samples import ATTACKS
from stepmagic.markdown import render
from stepmagic.markdown.safety import safe_address


def test_hosts_that_mislead_are_named() -> None:
    html = render(ATTACKS[38])
    assert ".com (xn--80ak6aa92e.com)</a>" in html
    assert "https://example.org (evil.example)</a>" in html


@pytest.mark.parametrize(
    "label", ["example.org", "https://example.org:8080/x", "www.example.org", "df.head"]
)
def test_labels_that_do_not_mislead_stay(label: str) -> None:
    assert f">{label}</a>" in render(f"[{label}](https://example.org:8080/x)")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "javascript:x",
            "https:",
            "https:/a.b",
            "https:///a.b",
            "//a.b",
            "/a",
            "a",
        ),
        *("https://a@b", "https://a.b:x", "https://-a.b", "https://a_b", "mailto:a"),
        *("https://[::1]/", "ftp://a.b", "https://a.b%5C@c.d", "HTTPS://a@b"),
    ],
)
def test_an_address_is_refused(url: str) -> None:
    assert safe_address(url) is None


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://a.b", "https://a.b"),
        ("HTTP://A.b:80/c?d=e&f#g", "HTTP://A.b:80/c?d=e&f#g"),
        ("mailto:a@b.c?subject=x", "mailto:a@b.c?subject=x"),
        ("https://a.b/(c)|'`[d]$é", "https://a.b/%28c%29%7C%27%60%5Bd%5D%24%C3%A9"),
    ],
)
def test_an_address_is_written_without_unusual_characters(
    url: str, written: str
) -> None:
    assert safe_address(url) == written


def test_a_long_refused_address_is_cut() -> None:
    html = render(f"[x](data:{'a' * 500}) ![y](data:{'b' * 500};base64,c)")
    assert html.count("...)") == 2
    assert len(html) < 400
