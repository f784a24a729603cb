#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prepares the headers, the pages and the examples for Doxygen: prepare.py OUTPUT.

Headers: removes the namespaces `detail` and the macro's inline namespace. Makes the enumerators of `errc` from the rows of the
status codes. Adds a comment to the second form of each function, because the headers describe only the first form. Line numbers
do not change, so that they are correct in Doxygen's warnings.

Pages: changes links between pages to Doxygen's form. With SSPAN_SOURCE_URL (https://…/blob/<commit>), links to other files of
the repository go to this address; without it they become plain text.
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = sorted((ROOT / "examples").glob("*.cpp")) + sorted((ROOT / "tests/docs").glob("*.cpp"))
SOURCE_URL = os.environ.get("SSPAN_SOURCE_URL", "").rstrip("/")


NAMESPACES = (
    ("sspan", "Everything of `<sspan/sspan.hpp>`."),
    ("sspan::package", "The names of the security packages."),
    ("sspan::sasl", "SASL: `<sspan/protocol/sasl.hpp>`."),
    ("sspan::http_negotiate", "HTTP's Negotiate: `<sspan/protocol/http_negotiate.hpp>`."),
    ("sspan::negotiate_stream", "NegotiateStream: `<sspan/protocol/negotiate_stream.hpp>`."),
)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# Headers


# Classes of the namespace detail that are bases of public classes and have public functions, and the files of these classes.
BASES = ("handshake", "sasl_exchange", "buffer_protection", "nns_protection")
FILES_OF_BASES = ("handshake", "detail/sasl_exchange.hpp", "detail/nns_protection.hpp")


def without_detail(lines):
    """Empties the blocks of the namespace detail, except BASES, and the specializations of templates."""
    kept = set()
    for i, line in enumerate(lines):
        if re.match(r"class (%s)\b.*\{$" % "|".join(BASES), line):
            first = i
            while lines[first - 1]:
                first -= 1
            kept |= set(range(first, lines.index("};", i) + 1))
    end = None
    for i, line in enumerate(lines):
        if i in kept:
            continue
        if end is None:
            opened = re.match(r"namespace (\S.*::)?detail \{$", line)
            if opened:
                end = "} // " + line.removesuffix(" {")
            elif line.lstrip() == "template <>":
                end = "};" if lines[i + 1].endswith("{") else ";"
            else:
                continue
        done = line.startswith(end) or (end in (";", "};") and line.endswith(";"))
        if kept and re.match(r"(namespace|\} // namespace) (\S*::)?detail", line):
            lines[i] = line
        else:
            lines[i] = ""
        end = None if done else end


def head_comment(lines):
    """Makes the comment at the top of a header the description of the file."""
    lines[0] = "/// @file"
    for i in range(1, len(lines)):
        if not lines[i].startswith("//"):
            break
        lines[i] = "/" + lines[i]


def enumerators_of_errc(text):
    rows = re.findall(r'X\((\w+), (0x\w+), "(\w+)", "(.*?)"\)', (ROOT / "include/sspan/os/status_codes.hpp").read_text())
    made = " ".join(f"/** {row[2]}, {row[1]}: {row[3]}. */ {row[0]}," for row in rows if row[2].startswith("SEC_E_") and row[0] != "ok")
    return re.sub(r"#define SSPAN_ROW.*static_cast<int>\(value\),\n.*\n#undef SSPAN_ROW", f"\n\n{made}", text)


def name_of(declaration):
    """Returns the name of a function, or an empty string."""
    text = re.sub(r"\[\[.*?\]\]", "", declaration)
    while (shorter := re.sub(r"<[^<>()]*>|requires\((?:[^()]|\([^()]*\))*\)", "", text)) != text:
        text = shorter
    found = re.search(r"(operator\s*\w*[^\s(]*|~?\w+)\s*\(", text)
    return found[1] if found else ""


def plain_comment(name, declaration, class_name):
    """Returns a comment for a member whose name and type need no explanation, or an empty string."""
    if name == class_name:
        return "See the description of the class."
    if name in ("data", "size", "empty", "begin", "end"):
        return "Same as for every range."
    of_type = re.match(r"((?:\w+::)?[a-z]\w*) \w+( = .*|\{\});$|((?:\w+::)?\w+) \w+;$", declaration)
    type_name = (of_type[1] or of_type[3]) if of_type else "bool"
    return "" if type_name in ("bool", "int") or name else f"See `{type_name}`."


def comment_second_forms(lines):
    """Adds a comment to a function without one, if another form of it stands before it. Removes = default and = delete."""
    documented, class_name, i = ("", ""), "", 0  # the name and the declaration of the last function with a comment
    while i < len(lines):
        line = lines[i]
        indent = len(line) - len(line.lstrip())
        start = line.lstrip()
        if indent not in (0, 4) or not re.match(r"[\[~\w]", start) or re.match(r"(public|private|namespace)\b", start):
            i += 1
            continue
        end = i
        while not re.search(r"[;{}]$", re.sub(r"\s*//.*", "", lines[end])):
            end += 1
        declaration = " ".join(part.strip() for part in lines[i : end + 1])
        is_type = re.match(r"(template <.*?> )?(requires.*? )?(class|struct|enum|concept)\b", declaration)
        name = "" if is_type else name_of(declaration)
        scope = re.match(r"(?:template <.*?> )?(?:class|struct) (\w+)", declaration)
        class_name = scope[1] if scope and declaration.endswith("{") else class_name
        if (i and lines[i - 1].lstrip().startswith("///")) or "///<" in lines[i]:
            documented = (name, declaration)
        elif re.search(r"= (default|delete);", declaration) or start.startswith(("friend ", "using sspan::operator")):
            lines[i : end + 1] = [""] * (end + 1 - i)
        elif name and name == documented[0]:
            errors = ["std::error_code&" in form for form in (declaration, documented[1])]
            comment = "As above, for other arguments."
            if errors[0] != errors[1]:
                comment = "As above, without exceptions." if errors[0] else "As above, with exceptions: throws `sspan::error`."
            lines[i] = " " * indent + f"/** {comment} */ {start}"
        elif indent == 4 and (comment := plain_comment(name, declaration, class_name)):
            lines[i] = " " * indent + f"/** {comment} */ {start}"
        if not is_type and re.sub(r"\s*//.*", "", lines[end]).endswith("{"):
            while not re.match(r" {%d}\}" % indent, lines[end]):
                end += 1
        i = end + 1


def flat_bases(match):
    names = re.findall(r"[\w:]+", match[2])
    known = [name for name in names if re.search(r"sending$|receiving$|context_accessors$|detail::|handshake_side$", name)]
    return match[1] + ", public ".join(known or [match[2]]) + " {"


def header(path):
    text = path.read_text(encoding="utf-8")
    text = enumerators_of_errc(text) if path.name == "error.hpp" else text
    text = text.replace("::inline SSPAN_API_NAMESPACE", "").replace("@throws", "@fails")
    for name in re.findall(r"^class .*\bdetail::(\w+)", text, flags=re.MULTILINE):
        if name not in BASES:
            sys.exit(f"{path}: {name} is the base of a public class; add it to BASES")
    # A base may have the next base as its template parameter. Makes a list of the bases, so that Doxygen shows their functions.
    text = re.sub(r"^(class \w+ : public )(.*) \{$", flat_bases, text, flags=re.MULTILINE)
    text = re.sub(r"template <class Base>\n(class \w+) : public Base", r"//\n\1", text)
    text = re.sub(r"template <class (Context|Handshake)>\n(class (?:%s))\b" % "|".join(BASES), r"//\n\2", text)
    text = re.sub(r"^(    \w+ = (SECPKG_FLAG_\w+),)$", r"\1 ///< \2.", text, flags=re.MULTILINE)
    text = re.sub(r"^protected:$", "private:", text, flags=re.MULTILINE)
    lines = [escaped(line) if re.search(r"///.*\\|///.*\w@\w|: .*\w@\w", line) else line for line in text.split("\n")]
    without_detail(lines)
    comment_second_forms(lines)
    if path.parent.name != "detail": # these files have no page of their own
        head_comment(lines)
    return "\n".join(lines)


# Pages


def anchor(heading):
    """Returns the anchor that GitHub makes for a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def label(page):
    if page == ROOT / "README.md":
        return "readme"
    return "index" if page.name == "README.md" else page.stem


def link(page, match):
    text, target = re.sub(r"`(.*?)`", r"<code>\1</code>", match[1]), match[2]
    path, _, fragment = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    relative = os.path.relpath(file, ROOT)
    if re.match(r"https?:", target):
        return match[0]
    if file.suffix == ".md" and file.parent in (ROOT, ROOT / "docs"):
        place = f"{label(file)}-{fragment}" if fragment else f"{label(file)}"
        if "<code>" in text: # a link of Doxygen's would show the tag as text
            return f'<a href="{label(file)}.html{"#" + place if fragment else ""}">{text}</a>'
        return f"[{text}](#{place})" if fragment else f"[{text}](@ref {place})"
    if relative.startswith("include/sspan/") and "/detail/" not in relative and "/os/" not in relative:
        return f'<a href="{file_page(relative)}">{text}</a>'
    if file in PROGRAMS:
        return f"[{text}](@ref example-{file.stem})"
    return f"[{text}]({SOURCE_URL}/{relative}{'#' + fragment if fragment else ''})" if SOURCE_URL else text


def file_page(relative):
    """Returns the file name of Doxygen's page for a header in include/sspan."""
    name = relative.removeprefix("include/sspan/")
    return name.replace("_", "__").replace("/", "_2").replace(".", "_8") + ".html"


def escaped(line):
    """Escapes what Doxygen would read as a command: a backslash or @ outside of code, and in code a ~ before a name, and @{."""
    parts = re.split(r"(`[^`]*`)", line)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = re.sub(r"([\\@])(?=\w)", r"\\\1", part)
        elif "~" in part or "@{" in part:
            text = part.strip("`").replace("&", "&amp;").replace("~", "&#126;").replace("@", "&#64;")
            parts[i] = f"<code>{text}</code>"
    return "".join(parts)


def page(path):
    lines, is_code = [], False
    text = path.read_text(encoding="utf-8")
    has_contents = "\nContents: " in text or text.count("\n## ") < 4
    for line in text.split("\n"):
        if line.startswith("```"):
            is_code = not is_code
            line = line.replace("```cpp", "```{.cpp}")
        elif not is_code:
            heading = re.match(r"(#+) (.*)", line)
            line = escaped(line)
            # Doxygen would write <object>, which has no text for readers who cannot see the picture.
            line = re.sub(r"!\[(.*)\]\((?:docs/)?pictures/(.*)\)", r'@htmlonly<p><img src="\2" alt="\1"></p>@endhtmlonly', line)
            line = re.sub(r"(?<!!)\[([^\]\[]*)\]\(([^)]+)\)", lambda match: link(path, match), line)
            if heading:
                place = label(path) if heading[1] == "#" else f"{label(path)}-{anchor(heading[2])}"
                line = f"{heading[1]} {heading[2]}" + ("" if place == "index" else f" {{#{place}}}")
                line += "\n\n[TOC]" if heading[1] == "#" and not has_contents else ""
        lines.append(line)
    return "\n".join(lines)


def example(path):
    text = path.read_text(encoding="utf-8")
    head = re.match(r"// SPDX.*\n(//\n(?:// .*\n)+)?", text)
    words = escaped((head[1] or "").replace("//", " ").strip())
    return f"# {path.name} {{#example-{path.stem}}}\n\n{words}\n\n```{{.cpp}}\n{text}```\n"


def main(output):
    for path in sorted((ROOT / "include/sspan").glob("**/*.hpp")):
        relative = path.relative_to(ROOT / "include")
        if not {"detail", "os"} & set(relative.parts) or str(relative).removeprefix("sspan/") in FILES_OF_BASES:
            write(output / str(relative).replace("/detail/", "/protocol/"), header(path))
    write(output / "sspan/namespaces.hpp", "".join(f"/// {text}\nnamespace {name} {{}}\n" for name, text in NAMESPACES))
    for path in sorted((ROOT / "docs").glob("*.md")):
        write(output / path.name, page(path))
    names = []
    write(output / "readme.md", page(ROOT / "README.md"))
    for path in PROGRAMS:
        write(output / f"example-{path.stem}.md", example(path))
        about = re.match(r"// SPDX.*\n//\n((?:// .*\n)+)", path.read_text(encoding="utf-8"))
        words = about[1].replace("//", " ").replace("\n", "").strip() if about else "The program of the README."
        names.append(f"- [{path.name}](@ref example-{path.stem}): {escaped(re.sub(' +', ' ', words))}")
    write(output / "examples.md", "# Example programs, and the code of the pages {#examples}\n\n" + "\n".join(names) + "\n")


main(pathlib.Path(sys.argv[1]))
