#!/usr/bin/env python3
"""Writes what repeats the problems of src/advice/problems.toml, the cures of cures.toml and the places of places.toml beside it:
ErrorCode, CureId and Place with their texts, the settings of --explain, docs/errors.md and docs/places.md.

    generate_problems.py [SOURCE_DIR]            writes the files that are stale
    generate_problems.py --check [SOURCE_DIR]    writes nothing, shows what would change

Exit status: 0, 1 if --check finds a stale file, 2 if an entry is wrong.
"""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "cmake"))
import checked_in
from checked_in import RowError

ROWS = "src/advice/problems.toml"
CURES = "src/advice/cures.toml"
PLACES = "src/advice/places.toml"
GENERATOR = "src/advice/generate_problems.py"
HEADER = "include/cginit/error_code.hpp"
NAMES = "src/core/error_code_names.inc"
TABLE = "src/advice/cure_rows.inc"
CURE_HEADER = "include/cginit/cure.hpp"
CURE_TEXTS = "src/core/cure_texts.inc"
PAGE = "docs/errors.md"
README = "README.md"
PLACE_HEADER = "include/cginit/place.hpp"
PLACE_NAMES = "src/detect/place_names.inc"
HOST_NAMES = "src/detect/host_names.inc"
PLACE_ROWS = "src/advice/place_rows.inc"
PLACES_PAGE = "docs/places.md"
SCHEMA = "docs/explain.schema.json"

# What a cure's setting is written in, for people.
WHERE = {
    "docker": "Docker",
    "podman": "Podman",
    "compose": "Compose file",
    "kubernetes": "Kubernetes",
    "ecs": "Amazon ECS",
    "fargate": "AWS Fargate",
    "nomad": "Nomad",
    "github": "GitHub Actions",
    "lxc": "LXC",
    "nspawn": "systemd-nspawn",
    "apptainer": "Apptainer",
    "enroot": "enroot",
    "devcontainer": "devcontainer.json",
    "host": "the host",
    "image": "the image",
    "cginit": "cginit",
}


@dataclass(frozen=True)
class Problem:
    heading: str
    name: str
    code: str
    is_: str
    symptom: str
    cause: str
    cure: str
    cures: tuple = ()


@dataclass(frozen=True)
class Cure:
    name: str
    text: str
    settings: tuple
    when: str = "always"


@dataclass(frozen=True)
class Search:
    says: tuple
    problem: str
    line: str


@dataclass(frozen=True)
class Place:
    name: str
    word: str
    is_: str
    evidence: str
    rows: tuple
    own_words: bool
    works: str
    first: str


@dataclass(frozen=True)
class Host:
    name: str
    word: str
    is_: str
    evidence: str


@dataclass(frozen=True)
class Kind:
    is_: str
    evidence: str
    works: str
    cure: str


@dataclass(frozen=True)
class Catalogue:
    problems: list
    cures: dict
    searches: list
    places: list
    hosts: list
    kinds: list


def check_keys(where, entry, needed, optional):
    unknown = set(entry) - needed - optional
    if not needed <= set(entry) or unknown:
        raise RowError(f"{where}: {', '.join(sorted(needed - set(entry) or unknown))} "
                       f"{'is missing' if needed - set(entry) else 'is no key'}")


def problem_of(heading, entry, cures):
    where = f"{ROWS}: {entry.get('name', 'an entry without a name')}"
    check_keys(where, entry, {"name", "code", "is", "symptom", "cause", "cure"}, {"cures"})
    if not re.fullmatch(r"CG-[A-Z0-9]+", entry["code"]) or not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]):
        raise RowError(f"{where}: not `name` and `CG-NAME`")
    for cure in entry.get("cures", []):
        if cure not in cures:
            raise RowError(f"{where}: {cure} is no cure of {CURES}")
    values = {("is_" if key == "is" else key): value for key, value in entry.items()}
    return Problem(heading, **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def cure_of(entry, hosts):
    where = f"{CURES}: {entry.get('name', 'an entry without a name')}"
    check_keys(where, entry, {"name", "text", "settings"}, {"when"})
    if not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]) or not entry["settings"]:
        raise RowError(f"{where}: no name, or no settings")
    for row in entry["settings"]:
        if len(row) != 2 or row[0] not in [*WHERE, *hosts] or (row[1] == "" and row[0] not in hosts):
            raise RowError(f"{where}: settings: not [WHERE, WHAT] with WHERE one of {', '.join([*WHERE, *hosts])}: {row}")
    if any(row[0] in hosts for row in entry["settings"]) and not any(row[0] == "host" for row in entry["settings"]):
        raise RowError(f"{where}: settings: words for one host, and none for the others")
    return Cure(entry["name"], entry["text"], tuple(map(tuple, entry["settings"])), entry.get("when", "always"))


def search_of(entry, codes):
    where = f"{ROWS}: search: {entry.get('says', 'an entry without says')}"
    check_keys(where, entry, {"says", "problem", "line"}, set())
    if entry["problem"] not in codes:
        raise RowError(f"{where}: {entry['problem']} is no problem of {ROWS}")
    return Search(tuple(entry["says"]), codes[entry["problem"]], entry["line"])


def place_of(entry):
    where = f"{PLACES}: {entry.get('name', 'an entry without a name')}"
    check_keys(where, entry, {"name", "word", "is", "evidence", "rows", "own_words", "works", "first"}, set())
    if not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]) or not set(entry["rows"]) <= set(WHERE):
        raise RowError(f"{where}: no name, or rows of none of {', '.join(WHERE)}")
    return Place(entry["name"], entry["word"], entry["is"], entry["evidence"], tuple(entry["rows"]), entry["own_words"],
                 entry["works"], entry["first"])


def host_of(entry):
    where = f"{PLACES}: {entry.get('name', 'a host without a name')}"
    check_keys(where, entry, {"name", "word", "is", "evidence"}, set())
    if not re.fullmatch(r"[a-z][a-z0-9_]*", entry["name"]) or entry["word"] in WHERE:
        raise RowError(f"{where}: no name, or a word of {', '.join(WHERE)}")
    return Host(entry["name"], entry["word"], entry["is"], entry["evidence"])


def kind_of(entry):
    check_keys(f"{PLACES}: {entry.get('is', 'a kind without a name')}", entry, {"is", "evidence", "works", "cure"}, set())
    return Kind(entry["is"], entry["evidence"], entry["works"], entry["cure"])


def parsed(source, rows):
    try:
        return tomllib.loads((source / rows).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RowError(f"{rows}: {error}") from error


def refuse_twice(rows, values):
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise RowError(f"{rows}: there twice: {', '.join(twice)}")


def read_rows(source):
    known = parsed(source, PLACES)
    hosts = [host_of(entry) for entry in known["host"]]
    cures = [cure_of(entry, [host.word for host in hosts]) for entry in parsed(source, CURES)["cure"]]
    refuse_twice(CURES, [cure.name for cure in cures])
    by_name = {cure.name: cure for cure in cures}
    rows = parsed(source, ROWS)
    problems = [problem_of(section["heading"], entry, by_name)
                for section in rows["section"] for entry in section["problem"]]
    for what in ("name", "code"):
        refuse_twice(ROWS, [getattr(problem, what) for problem in problems])
    unused = set(by_name) - {cure for problem in problems for cure in problem.cures}
    if unused:
        raise RowError(f"{CURES}: named by no problem: {', '.join(sorted(unused))}")
    codes = {problem.name: problem.code for problem in problems}
    places = [place_of(entry) for entry in known["place"]]
    for what in ("name", "word"):
        refuse_twice(PLACES, [getattr(place, what) for place in places])
        refuse_twice(PLACES, [getattr(host, what) for host in hosts])
    return Catalogue(problems, by_name, [search_of(entry, codes) for entry in rows["search"]], places, hosts,
                     [kind_of(entry) for entry in known["kind"]])


def replaced(path, text, name, body):
    return checked_in.replaced(path, text, name, body, f"{ROWS} by {GENERATOR}")


def make_header(catalogue, old):
    problems = catalogue.problems
    width = max(len(problem.name) for problem in problems) + 1
    lines = [f"    {problem.name + ',':<{width}}  ///< {problem.is_}\n" for problem in problems]
    return replaced(HEADER, old, "codes", "".join(lines))


def head(rows):
    return f"// Generated from {rows} by {GENERATOR}: change that.\n"



def make_names(catalogue, _):
    return head(ROWS) + "".join(f'    "{problem.code}",\n' for problem in catalogue.problems)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def make_cure_header(catalogue, old):
    body = "".join(f"    {name},\n" for name in catalogue.cures)
    return checked_in.replaced(CURE_HEADER, old, "cures", body, f"{CURES} by {GENERATOR}")


def make_cure_texts(catalogue, _):
    return head(CURES) + "".join(f"    {quoted(cure.text)},\n" for cure in catalogue.cures.values())


def make_table(catalogue, _):
    rows = [f"    {{CureId::{cure.name}, Condition::{cure.when}, {quoted(where)}, {quoted(what)}}},\n"
            for cure in catalogue.cures.values() for where, what in cure.settings]
    problems = [f"    {{ErrorCode::{problem.name}, CureId::{cure}}},\n"
                for problem in catalogue.problems for cure in problem.cures]
    return (f"{head(CURES)}\n// NOLINTBEGIN(modernize-raw-string-literal)\nconstexpr Row kRows[] = {{\n{''.join(rows)}}};\n"
            f"\n// Which errors may name which of them: problems.toml.\nconstexpr Pair kPairs[] = {{\n{''.join(problems)}}};\n"
            "// NOLINTEND(modernize-raw-string-literal)\n")


def indented(text):
    return text.strip("\n").replace("\n", "\n  ")


def shown(setting):
    """In a cell of a table: a command of several lines is for --explain."""
    first, *others = setting.strip("\n").split("\n")
    text = re.sub(r"\{(\d)\}", "...", first).replace("|", "\\|")
    return f"`{text}`" + (" and more, as `--explain` says" if others else "") if text != "..." else "as `--explain` says"


def settings_table(problem, cures, hosts):
    names = {**WHERE, **{host.word: f"the host, {host.is_}" for host in hosts}}
    lines = ""
    for cure in (cures[name] for name in problem.cures):
        label = re.sub(r"\{\d\}", "...", cure.text)
        for where, what in cure.settings:
            lines += f"| {label} | {names[where]} | {shown(what) if what else 'cannot be done there'} |\n"
            label = ""
    return f"\n| cure | in | setting |\n|---|---|---|\n{lines}" if lines else ""


def page_section(problem, cures, hosts):
    return (f"### {problem.code}\n- **Symptom**: {indented(problem.symptom)}\n- **Cause**: {indented(problem.cause)}\n"
            f"- **Cure**: {indented(problem.cure)}\n{settings_table(problem, cures, hosts)}\n")


def make_page(catalogue, old):
    body = "\n"
    heading = ""
    for problem in catalogue.problems:
        if heading != problem.heading:
            heading = problem.heading
            body += f"## {heading}\n\n"
        body += page_section(problem, catalogue.cures, catalogue.hosts)
    return replaced(PAGE, replaced(PAGE, old, "searches", searches_table(catalogue, "")), "problems", body)


def searches_table(catalogue, page):
    rows = ""
    for search in catalogue.searches:
        said = "<br>".join(f"`{text}`" for text in search.says)
        rows += f"| {said} | {search.line} | [{search.problem}]({page}#{search.problem.lower()}) |\n"
    return f"\nIf systemd or the engine says one of these, this is what helps:\n\n| message | what helps | more |\n|---|---|---|\n{rows}\n"


def make_searches(catalogue, old):
    return replaced(README, old, "searches", searches_table(catalogue, PAGE))


def make_place_header(catalogue, old):
    for name, entries in (("places", catalogue.places), ("hosts", catalogue.hosts)):
        width = max(len(entry.name) for entry in entries) + 1
        body = "".join(f"    {entry.name + ',':<{width}}  ///< {entry.is_}\n" for entry in entries)
        old = checked_in.replaced(PLACE_HEADER, old, name, body, f"{PLACES} by {GENERATOR}")
    return old


def make_place_names(catalogue, _):
    return head(PLACES) + "".join(f'    "{place.word}",\n' for place in catalogue.places)


def make_host_names(catalogue, _):
    return head(PLACES) + "".join(f'    "{host.word}",\n' for host in catalogue.hosts)


def make_place_rows(catalogue, _):
    rows = "".join(f"    {{Place::{place.name}, {quoted(where)}}},\n" for place in catalogue.places for where in place.rows)
    own = "".join(f"    Place::{place.name},\n" for place in catalogue.places if place.own_words)
    return (f"{head(PLACES)}\nconstexpr PlaceRow kPlaceRows[] = {{\n{rows}}};\n"
            "\n// Where the flags of Docker and Podman are of no use, of which the texts are made.\n"
            f"constexpr Place kOtherWords[] = {{\n{own}}};\n")


def first_cure(catalogue, place):
    settings = catalogue.cures[place.first].settings if place.first in catalogue.cures else ()
    found = next((shown(what) for where, what in settings if where in [*place.rows, "host"]), None)
    if found is None:
        raise RowError(f"{PLACES}: {place.name}: first: {place.first} is no cure with a setting for it")
    return found


def host_settings(catalogue, host):
    told = [(cure, [what for where, what in cure.settings if where == host.word]) for cure in catalogue.cures.values()]
    return "<br>".join(f"{cure.text}: {'cannot be done' if settings == [''] else ', '.join(map(shown, settings))}"
                       for cure, settings in told if settings) or "as on any host"


def make_places_page(catalogue, old):
    rows = "".join(f"| {place.is_} | {place.word} | {place.evidence} | {place.works} | {first_cure(catalogue, place)} |\n"
                   for place in catalogue.places)
    kinds = "".join(f"| {kind.is_} | {kind.evidence} | {kind.works} | {kind.cure} |\n" for kind in catalogue.kinds)
    hosts = "".join(f"| {host.is_} | {host.word} | {host.evidence} | {host_settings(catalogue, host)} |\n"
                    for host in catalogue.hosts)
    body = (f"\n| place | `--explain` says | evidence | what works | first cure |\n|---|---|---|---|---|\n{rows}\n"
            "Hosts that have their own way to do what is said of the host:\n\n"
            f"| host | `--explain` says | evidence | how it is done there |\n|---|---|---|---|\n{hosts}\n"
            "Kinds of hosts, runtimes and images, wherever they are:\n\n"
            f"| kind | evidence | what works | first cure |\n|---|---|---|---|\n{kinds}\n")
    return checked_in.replaced(PLACES_PAGE, old, "places", body, f"{PLACES} by {GENERATOR}")


def with_choices(schema, key, words):
    """JSON has no comments to stand between: the list behind the key, whatever is in it."""
    found = re.search(rf'"{key}": {{\s*(?:"description": "[^"]*",\s*)?"enum": \[([^]]*)\]', schema)
    if not found:
        raise RowError(f"{SCHEMA}: {key} has no list of choices")
    return schema[:found.start(1)] + ", ".join(f'"{word}"' for word in words) + schema[found.end(1):]


def make_schema(catalogue, old):
    text = with_choices(old, "place", ["unknown", *(place.word for place in catalogue.places)])
    text = with_choices(text, "host", ["unknown", *(host.word for host in catalogue.hosts)])
    return with_choices(text, "where", list(WHERE))


OUTPUTS = {SCHEMA: make_schema, README: make_searches, PLACE_HEADER: make_place_header, PLACE_NAMES: make_place_names, HOST_NAMES: make_host_names,
           PLACE_ROWS: make_place_rows,
           PLACES_PAGE: make_places_page, HEADER: make_header, NAMES: make_names, CURE_HEADER: make_cure_header, CURE_TEXTS: make_cure_texts,
           TABLE: make_table, PAGE: make_page}

if __name__ == "__main__":
    sys.exit(checked_in.main(sys.argv[1:], SOURCE, read_rows, OUTPUTS, ROWS, GENERATOR))
