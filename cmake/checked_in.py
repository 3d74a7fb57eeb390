"""Files that are generated from rows and checked in: written by whoever changes a row, and held by a test."""

import difflib
import re
import sys


class RowError(Exception):
    pass


def replaced(path, text, name, body, made_by):
    """The text with what stands between the two marks of that name exchanged."""
    found = re.search(rf"^ *(?:[;#]|//|<!--) {name}: generated from [^\n]*\n(.*?)^ *(?:[;#]|//|<!--) end of {name}\b[^\n]*$", text, re.M | re.S)
    if not found:
        raise RowError(f"{path}: the marks `{name}: generated from {made_by}` and `end of {name}` are missing")
    return text[:found.start(1)] + body + text[found.end(1):]


def stale_files(source, read_rows, outputs):
    """{file: (text as it is, text as it must be)} where these differ. `outputs` has for each file what makes it of the rows and of
    the text that is there."""
    rows = read_rows(source)
    stale = {}
    for path, make in outputs.items():
        file = source / path
        old = file.read_text(encoding="utf-8") if file.is_file() else ""
        new = make(rows, old)
        if new != old:
            stale[path] = (old, new)
    return stale


def main(arguments, source, read_rows, outputs, rows_file, generator):
    """`[--check] [SOURCE_DIR]`. Exit status: 0, 1 if --check finds a stale file, 2 if a row is wrong."""
    check = arguments[:1] == ["--check"]
    paths = arguments[1:] if check else arguments
    source = type(source)(paths[0]) if paths else source
    try:
        stale = stale_files(source, read_rows, outputs)
    except RowError as error:
        print(error, file=sys.stderr)
        return 2
    for path, (old, new) in stale.items():
        if check:
            lines = (text.splitlines(keepends=True) for text in (old, new))
            sys.stdout.writelines(difflib.unified_diff(*lines, path, f"{path}, from {rows_file}"))
        else:
            (source / path).write_text(new, encoding="utf-8")
            print(path)
    if check and stale:
        print(f"stale: run {generator}")
    return 1 if check and stale else 0
