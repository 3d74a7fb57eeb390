#!/usr/bin/env python3
"""Each relative link of the Markdown below a folder leads to a file that is there, and its #anchor to a heading.

    check_links.py FOLDER                 the sources, or what was unpacked of a release
    check_links.py --self-test SOURCE_DIR whether each kind of dead link is seen

Files of a build, and hidden ones, are not looked at. Exit status: 0 all lead somewhere, 1 one does not.
"""

import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

CODE = re.compile(r"^(```+|~~~+).*?^\1[`~]*$|(`+)(?!`).*?(?<!`)\2(?!`)", re.M | re.S)
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)|^ *\[[^]]+\]:\s*<?(\S+?)>?\s*$|(?:href|src)=\"([^\"]+)\"", re.M)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)? *$", re.M)
LEFT_OUT = {"build", "__pycache__"}


def without_code(text, keep_inline=False):
    """Lines stay lines. What a heading says in backquotes counts for its anchor."""
    return CODE.sub(lambda found: found[0] if keep_inline and found[2] else re.sub(r"[^\n]", "", found[0]), text)


def anchors_of(text):
    """As GitHub makes them of headings."""
    anchors = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    seen = {}
    for heading in HEADING.findall(without_code(text, keep_inline=True)):
        words = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


def pages_of(folder):
    for page in sorted(folder.rglob("*.md")):
        parts = page.relative_to(folder).parts
        if not any(part in LEFT_OUT or part.startswith(".") for part in parts):
            yield page


def problem_with(folder, page, target):
    path, _, anchor = unquote(target).partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(folder) or not file.exists():
        return "there is no such file"
    if anchor and (file.suffix != ".md" or anchor not in anchors_of(file.read_text(encoding="utf-8"))):
        return "there is no such heading"
    return ""


def problems_of(folder):
    folder = folder.resolve()
    pages = list(pages_of(folder))
    if not pages:
        yield f"{folder}: no page"
    for page in pages:
        text = without_code(page.read_text(encoding="utf-8"))
        for found in LINK.finditer(text):
            target = found[1] or found[2] or found[3]
            problem = "" if ELSEWHERE.match(target) else problem_with(folder, page, target)
            if problem:
                yield f"{page.relative_to(folder)}:{text.count(chr(10), 0, found.start()) + 1}: {target}: {problem}"


# What a page says that stands in docs/ beside other.md, and the words that the problem must have; none: it is right.
PAGE = "# Top\n\n## Here, and `there`\n\n## Twice\n\n## Twice\n\n"
CASES = [
    ("[a](other.md) [b](../README.md#at-home) [c](#here-and-there) [d](#twice-1) [e](https://example.org/x.md) [f](../docs)", ()),
    ("`[a](none.md)`\n\n```\n[a](none.md)\n## Not one\n```\n", ()),
    ("[a](none.md)", ("docs/page.md:9:", "none.md", "file")),
    ("\n[a]: none.md\n", ("none.md", "file")),
    ('<img src="none.png">', ("none.png", "file")),
    ("[a](../../outside.md)", ("outside.md", "file")),
    ("[a](/docs/other.md)", ("/docs/other.md", "file")),
    ("[a](README.md)", ("README.md", "file")),
    ("[a](other.md#none)", ("other.md#none", "heading")),
    ("[a](#none)", ("#none", "heading")),
    ("[a](#twice-2)", ("#twice-2", "heading")),
    ("```\n## Not one\n```\n[a](#not-one)", ("#not-one", "heading")),
]


def self_test():
    for text, words in CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "project"
            for file, content in {"docs/page.md": PAGE + text, "docs/other.md": "# Other\n", "README.md": "# At home\n",
                                  "build/stale.md": "[a](none.md)", "../outside.md": "# Outside\n"}.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(content, encoding="utf-8")
            problems = list(problems_of(folder))
            if len(problems) != bool(words) or not all(word in problem for problem in problems for word in words):
                yield f"{text!r} should say {words}: {problems}"
        with tempfile.TemporaryDirectory() as name:
            if not list(problems_of(Path(name))):
                yield "a folder without pages should be a problem"


def main(arguments):
    problems = list(self_test() if arguments[0] == "--self-test" else problems_of(Path(arguments[0])))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
