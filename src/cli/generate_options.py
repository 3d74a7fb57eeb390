#!/usr/bin/env python3
"""Writes what repeats the options of src/cli/options.toml: the table in C++, documentation, completions.

    generate_options.py [SOURCE_DIR]            writes the files that are stale
    generate_options.py --check [SOURCE_DIR]    writes nothing, shows what would change

Exit status: 0, 1 if --check finds a stale file, 2 if a row is wrong.
"""

import re
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "cmake"))
import checked_in
from checked_in import RowError

ROWS = "src/cli/options.toml"
GENERATOR = "src/cli/generate_options.py"
TABLE = "src/cli/option_rows.inc"
MANUAL = "docs/cginit.8.scd"
PAGE = "docs/options.md"
BASH = "completions/cginit.bash"
ZSH = "completions/_cginit"
FISH = "completions/cginit.fish"
# Lines of --help are indented by 6 of 80 columns.
HELP_COLUMNS = 74
PATHS = ("files", "directories")


@dataclass(frozen=True)
class Option:
    heading: str
    name: str
    manual: str
    letter: str = ""
    values: tuple = ()
    default: str = ""
    expected: str = ""
    variable: str = ""
    offers: str | tuple = ()
    repeatable: bool = False
    switchable: bool = False
    optional_value: bool = False
    action: bool = False
    parser: bool = False
    help: str = ""
    summary: str = ""

    @property
    def names(self):
        """The letter first, as --help has them."""
        return (self.letter, self.name) if self.letter else (self.name,)

    @property
    def literals(self):
        """The values that are written as they are: not LIST, not 4096."""
        return tuple(value for value in self.values if value.islower())

    @property
    def takes_list(self):
        return "LIST" in self.values

    @property
    def is_readable(self):
        """True if the variable says what the option says: that of -v is that of --log-level."""
        return bool(self.variable) and (bool(self.values) or self.switchable)

    @property
    def setter(self):
        verb = "add" if self.repeatable else "set"
        return f"{verb}_{self.name.removeprefix('--').replace('-', '_')}"


@dataclass(frozen=True)
class Group:
    heading: str
    manual: str
    options: tuple


@dataclass(frozen=True)
class Rows:
    words: dict
    groups: tuple

    @property
    def options(self):
        return [option for group in self.groups for option in group.options]

    def offered(self, option):
        """The values that completion offers, in order; none for a path."""
        if option.offers in PATHS:
            return ()
        more = self.words[option.offers] if isinstance(option.offers, str) else option.offers
        return (*option.literals, *more)


# Rows.


def listed(words, last):
    """`a, b or c`."""
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def first_clause(text):
    return re.split(r"[;:]| \(default", " ".join(text.split()))[0]


def check_option(option, words):
    """What is wrong with a row."""
    if not re.fullmatch(r"--[a-z][a-z-]*", option.name):
        yield "name: no long option"
    if option.letter and not re.fullmatch(r"-[a-zA-Z]", option.letter):
        yield f"letter: {option.letter!r} is no short option"
    if option.variable and not re.fullmatch(r"CGINIT_[A-Z_]+", option.variable):
        yield f"variable: {option.variable!r} does not begin with CGINIT_"
    if not option.manual:
        yield "manual is missing"
    if not option.help and not option.parser:
        yield "help is missing"
    if not option.summary:
        yield "summary is missing, and there is no help to take it from"
    for line in option.help.splitlines():
        if len(line) > HELP_COLUMNS:
            yield f"help: over {HELP_COLUMNS} columns: {line}"
    for value in option.literals:
        if f"*{value}*" not in option.manual:
            yield f"manual: it is not said what *{value}* means"
        if not re.search(rf"(?<!\w){value}(?!\w)", option.expected):
            yield f"expected: {value} is missing"
    if not option.values and (option.default or option.offers or option.optional_value or option.repeatable):
        yield "a flag has no default, offers, optional_value or repeatable"
    if option.switchable and (option.values or not option.variable):
        yield "switchable: only a flag that has a variable"
    if option.values and option.values[0].isupper() and not option.optional_value:
        if not option.default:
            yield f"default is missing: the first value, {option.values[0]}, is none"
        elif f"(default: {option.default})" not in " ".join(option.help.split()):
            yield f"help: `(default: {option.default})` is missing"
    if option.values and not option.literals and not option.offers:
        yield "offers is missing: there is nothing to complete"
    if option.takes_list and not option.offers:
        yield "offers is missing: what LIST is made of"
    if isinstance(option.offers, str) and option.offers not in (*words, *PATHS):
        yield f"offers: there is no {option.offers!r}: {listed([*words, *PATHS], 'or')}"


def row_fields(row):
    """What stands in a row, as Option has it."""
    name = row.get("name", "an option without a name")
    kinds = {key: field.type for key, field in Option.__dataclass_fields__.items() if key != "heading"}
    fields = {"name": "", "manual": "", "values": ()}
    for key, value in row.items():
        if key not in kinds:
            raise RowError(f"{ROWS}: {name}: there is no {key} in a row")
        value = value.strip("\n") if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
        if not isinstance(value, kinds[key]) or (isinstance(value, tuple) and not all(isinstance(one, str) for one in value)):
            raise RowError(f"{ROWS}: {name}: {key}: {value!r} is none of {kinds[key]}")
        fields[key] = value
    return fields


def make_option(heading, row, words):
    fields = row_fields(row)
    if "expected" in fields:
        fields["expected"] = " ".join(fields["expected"].split())
    elif fields["values"]:
        fields["expected"] = listed(fields["values"], "or")
    elif fields.get("switchable"):
        fields["expected"] = "1 or 0"
    fields.setdefault("summary", first_clause(fields.get("help", "")))
    option = Option(heading=heading, **fields)
    for problem in check_option(option, words):
        raise RowError(f"{ROWS}: {option.name or 'an option without a name'}: {problem}")
    return option


def read_rows(source):
    try:
        tree = tomllib.loads((source / ROWS).read_text(encoding="utf-8"))
        words = {name: tuple(value) for name, value in tree["words"].items()}
        groups = tuple(
            Group(group["heading"], group.get("manual", "").strip("\n"),
                  tuple(make_option(group["heading"], row, words) for row in group["option"]))
            for group in tree["group"])
    except tomllib.TOMLDecodeError as error:
        raise RowError(f"{ROWS}: {error}") from None
    except KeyError as error:
        raise RowError(f"{ROWS}: {error} is missing") from None
    rows = Rows(words, groups)
    names = [name for option in rows.options for name in option.names]
    for name in names:
        if names.count(name) > 1:
            raise RowError(f"{ROWS}: {name} is there twice")
    return rows


# The table in C++.


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def cpp_row(option):
    def text(value):
        return quoted(value) if value else "nullptr"

    fields = [
        ("option", quoted(",".join(option.names))),
        ("variable", text(option.variable)),
        ("values", text("|".join(option.values))),
        ("expected", quoted(option.expected)),
        ("group", quoted(option.heading)),
        ("help", "\n             ".join(quoted(line) for line in option.help.splitlines(keepends=True)) or "nullptr"),
        ("apply", "nullptr" if option.parser else option.setter),
    ]
    fields += [(flag, "true") for flag in ("repeatable", "switchable", "action", "optional_value") if getattr(option, flag)]
    return "    {" + ",\n     ".join(f".{name} = {value}" for name, value in fields) + "},\n"


def make_table(rows, _):
    return f"// Generated from {ROWS} by {GENERATOR}: change that.\n" + "".join(map(cpp_row, rows.options))


# Documentation.


def synopsis(option):
    """`--layout=auto|host`, `--explain[=text|json]`: what follows the name."""
    values = "|".join(option.values)
    return f"[={values}]" if option.optional_value else f"={values}" if values else ""


def manual_option(option):
    variable = f"  [{option.variable}]" if option.is_readable else ""
    head = ", ".join(f"*{name}*" for name in option.names) + synopsis(option) + variable
    return head + "\n" + textwrap.indent(option.manual, "\t") + "\n"


def manual_group(group):
    intro = [f"{group.manual}\n"] if group.manual else []
    return "\n".join([f"## {group.heading}\n", *intro, *map(manual_option, group.options)])


def manual_variables(options, said):
    """A paragraph of ENVIRONMENT. groff fills no line of the heads."""
    lines = textwrap.wrap(", ".join(option.variable for option in options), 72)
    heads = "++\n".join(re.sub(r"\w+", r"_\g<0>_", line) for line in lines)
    return f"{heads}\n\t{said}\n" if options else ""


def make_manual(rows, old):
    readable = [option for option in rows.options if option.is_readable]
    single = [option for option in readable if option.values and not option.repeatable]
    variables = [
        manual_variables(single, "Take what the option in whose brackets they stand takes."),
        manual_variables([option for option in readable if option.switchable], "1 or 0."),
        manual_variables([option for option in readable if option.repeatable],
                         "Take several values, separated by colons."),
    ]
    text = replaced(MANUAL, old, "options", "\n".join(map(manual_group, rows.groups)))
    return replaced(MANUAL, text, "variables", "\n".join(filter(None, variables)))


def markdown(text):
    """scdoc's marks as those of Markdown: literal words as code; placeholders are marked the same."""
    parts = re.split(r"(?<!\\)\*(.+?)(?<!\\)\*", text)
    return "".join(f"`{part}`" if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts))


def page_default(option):
    if option.parser or not option.values:
        return "" if option.action or option.parser else "off"
    if option.optional_value and option.literals:
        return f"`{option.literals[0]}`, without a value"
    return option.default or f"`{option.values[0]}`"


def page_option(option):
    table = []
    if option.values:
        table.append(("values", ", ".join(f"_{value}_" if value.isupper() else f"`{value}`" for value in option.values)))
    table.append(("default", page_default(option)))
    if option.variable:
        how = "" if option.values else ": 1 or 0" if option.switchable else ", which this option overrides"
        table.append(("variable", f"`{option.variable}`{how}{', values separated by colons' if option.repeatable else ''}"))
    if option.repeatable:
        table.append(("repeatable", "yes, every value counts"))
    lines = [f"| {name} | {value} |" for name, value in table if value]
    head = ", ".join(f"`{name}{synopsis(option)}`" for name in option.names)
    parts = [f"### {option.name}", head, *(["\n".join(["| | |", "|---|---|", *lines])] if lines else []), markdown(option.manual)]
    return "\n\n".join(parts) + "\n"


def make_page(rows, _):
    parts = [
        f"<!-- Generated from {ROWS} by {GENERATOR}: change that. -->\n",
        "# The options\n",
        "Each option, with its values, its default and the variable that says the same. `cginit --help` has them in short, the\n"
        "manual page cginit(8) as they stand here.\n",
        "If an option is given twice, the last value counts, unless it is repeatable. What follows INIT is the init's. The\n"
        "command line wins over a variable, an empty variable counts as not set, and a wrong value is an error.\n",
    ]
    for group in rows.groups:
        links = ", ".join(f"[{option.name}](#{option.name})" for option in group.options)
        parts.append(f"- {group.heading}: {links}")
    parts[-1] += "\n"
    text = "\n".join(parts)
    for group in rows.groups:
        intro = [markdown(group.manual) + "\n"] if group.manual else []
        text += "\n" + "\n".join([f"## {group.heading}\n", *intro, *map(page_option, group.options)])
    return text


# Completions.


def wrapped(start, words, indent, end="'", line_end=""):
    """A list of words, on as many lines as it takes."""
    lines = textwrap.wrap(start + " ".join(words) + end, 120 - len(line_end), subsequent_indent=indent,
                          break_on_hyphens=False, break_long_words=False)
    return f"{line_end}\n".join(lines) + "\n"


def word_lists(rows):
    """The named lists that an option offers, and how the shell's table calls them."""
    used = {option.offers for option in rows.options if option.offers in rows.words}
    return [name for name in rows.words if name in used or name == "init_places"]


def bash_option(rows, option):
    if option.offers in PATHS:
        return {"files": "FILE", "directories": "DIR"}[option.offers]
    more = [f"${option.offers}"] if option.offers in rows.words else list(option.offers)
    words = [*option.literals, *(["LIST"] if option.takes_list else []), *more]
    return f'"{" ".join(words)}"' if option.offers in rows.words else f"'{' '.join(words)}'"


def make_bash(rows, old):
    lines = [wrapped(f"    local {name}='", rows.words[name], " " * 8) for name in word_lists(rows)]
    optional = [option.name for option in rows.options if option.optional_value]
    letters = [option.letter for option in rows.options if option.letter]
    lines += [
        "    # What each takes, the default first.\n",
        "    local -A takes=(\n",
        *[f"        [{option.name}]={bash_option(rows, option)}\n" for option in rows.options],
        "    )\n",
        f"    local letters='{' '.join(letters)}'\n",
        "    # Their values stand behind = or not at all.\n",
        f"    local optional='{' '.join(optional)}'\n",
    ]
    return replaced(BASH, old, "table", "".join(lines))


def rivals(rows, option):
    """The names that make no sense beside this one."""
    if option.parser:
        return ["-", ":", "*"]
    others = [other for other in rows.options if other != option and (
        (option.action and other.action) or (option.variable and option.variable == other.variable))]
    return [name for other in others for name in other.names]


def single_quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_action(rows, option):
    if option.offers in PATHS:
        return f":{listed(option.values, 'or')}:_{option.offers}"
    more = f'"${option.offers}"' if option.offers in rows.words else f'"{" ".join(option.offers)}"'
    if option.takes_list:
        return f':value: _cginit_list "{" ".join(option.literals)}" {more}'
    words = [*option.literals, *([f"$={option.offers}"] if option.offers in rows.words else option.offers)]
    return f":value: _cginit_values {' '.join(words)}"


def zsh_option(rows, option):
    repeated = "*" if option.repeatable else ""
    others = [*(() if option.repeatable or option.parser else option.names), *rivals(rows, option)]
    excluded = f"({' '.join(others)})" if len(others) > 1 else ""
    summary = re.sub(r"[][:\\]", r"\\\g<0>", option.summary)
    equals = "=-" if option.optional_value else "=" if option.values else ""
    action = (":" if option.optional_value else "") + zsh_action(rows, option) if option.values else ""
    specs = [f"{excluded}{repeated}{name}{equals}[{summary}]{action}" for name in option.names]
    return "".join(f"        {single_quoted(spec)}\n" for spec in specs)


def make_zsh(rows, old):
    lines = [wrapped(f"    local {name}='", rows.words[name], " " * 8) for name in word_lists(rows)]
    lines += ["    local -a options=(\n", *[zsh_option(rows, option) for option in rows.options], "    )\n"]
    return replaced(ZSH, old, "table", "".join(lines))


def fish_action(rows, option):
    if option.offers == "files":
        return " -F" if option.optional_value else " -rF"
    if option.offers == "directories":
        return " -xa '(__cginit_directories)'"
    more = f"${option.offers}" if option.offers in rows.words else " ".join(option.offers)
    required = "" if option.optional_value else "x"
    if option.takes_list:
        return f""" -k{required}a "(__cginit_list '{' '.join(option.literals)}' '{more}')\""""
    words = " ".join([*option.literals, *([more] if more else [])])
    return f' -k{required}a "{words}"' if "$" in words else f" -k{required}a '{words}'"


def fish_option(rows, option):
    letter = f" -s {option.letter[1:]}" if option.letter else ""
    action = fish_action(rows, option) if option.values else ""
    summary = "'" + option.summary.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f"complete -c cginit -n 'not __cginit_given'{letter} -l {option.name[2:]}{action} -d {summary}\n"


def make_fish(rows, old):
    valued = [option.name for option in rows.options if option.values and not option.optional_value]
    lines = [wrapped(f"set -l {name} '", rows.words[name], "    ") for name in word_lists(rows) if name != "init_places"]
    lines += [
        wrapped("set -g __cginit_init_places ", rows.words["init_places"], "    ", "", " \\"),
        "# Their values can stand in a word of their own.\n",
        wrapped("set -g __cginit_valued ", valued, "    ", "", " \\"),
        *[fish_option(rows, option) for option in rows.options],
    ]
    return replaced(FISH, old, "table", "".join(lines))


# Files.


def replaced(path, text, name, body):
    return checked_in.replaced(path, text, name, body, f"{ROWS} by {GENERATOR}")


OUTPUTS = {TABLE: make_table, MANUAL: make_manual, PAGE: make_page, BASH: make_bash, ZSH: make_zsh, FISH: make_fish}


def main(arguments):
    return checked_in.main(arguments, SOURCE, read_rows, OUTPUTS, ROWS, GENERATOR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
