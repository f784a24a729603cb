#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks a site: check.py FOLDER. Each page must be reachable from index.html, and the page and place of each link must exist. No
page may show an HTML tag as text.

Two places are not checked: Doxygen's hidden summaries link to them, but its pages do not have them.
"""
import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        text = path.read_text(encoding="utf-8")
        self.shows_a_tag = "&lt;code&gt;" in text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.places |= {named[name] for name in ("id", "name") if named.get(name)}
        target = named.get("href" if tag == "a" else "src" if tag == "img" else "data", "")
        if tag in ("a", "img", "object") and target and not urllib.parse.urlsplit(target).scheme:
            self.links.append(target)


folder = pathlib.Path(sys.argv[1]).resolve()
pages = {path.name: Page(path) for path in folder.glob("*.html")}
reached, waiting, failures = {"index.html"}, ["index.html"], []
while waiting:
    name = waiting.pop()
    for link in pages[name].links:
        target, _, place = urllib.parse.unquote(link).partition("#")
        target = target or name
        if not (folder / target).exists():
            failures.append(f"{name}: there is no {target}")
        elif place not in ("", "nested-classes", "concepts") and target in pages and place not in pages[target].places:
            failures.append(f"{name}: {target} has no {place}")
        if target in pages and target not in reached:
            reached.add(target)
            waiting.append(target)
failures += [f"{name}: shows a tag as text" for name, page in pages.items() if page.shows_a_tag]
failures += [f"{name}: it cannot be reached from index.html" for name in sorted(pages.keys() - reached)]
print("\n".join(failures))
sys.exit(bool(failures) or len(pages) < 50)
