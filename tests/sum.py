#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up the results of tests.

sum.py ctest BUILD STATUS     a run of ctest: BUILD/ctest.xml and the reports of GoogleTest in BUILD; ctest's exit status
sum.py google REPORT STATUS   one program of GoogleTest: its report and its exit status
sum.py total                  the lines "N passed, N failed, N skipped" of the standard input

The last line says how many tests passed, failed and were skipped. The lines before it are "  skipped: REASON" for each skipped
test, and "  NAME: N passed, N failed" for each script. The exit status is 1 if a test failed.

In a run of ctest each test counts once, with these exceptions:
- A test with _tests in its name is a program of GoogleTest. Its report has the name of the test. Each case in it counts.
- A test whose last line is "N passed, N failed" or "N passed, N failed, N skipped" is a script. These numbers count.
Each of these counts as one failure: a program without a complete report, a test that could not run, a run without tests, and a
bad exit status if no test has failed.
"""
import os
import re
import sys
import xml.etree.ElementTree

COUNTS = re.compile(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?')
SKIPPED = '  skipped: '


class Sum:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed = passed
        self.failed = failed
        self.skipped = skipped
        self.details = []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.details += other.details

    def skip(self, reason):
        self.skipped += 1
        self.details.append(SKIPPED + ' '.join(reason.split()))

    def settle(self, succeeded):
        """Adds a failure if no case failed, but the run ended with an error or has no cases."""
        if self.failed == 0 and (not succeeded or self.passed + self.skipped == 0):
            self.failed = 1
        return self

    def line(self):
        skipped = f', {self.skipped} skipped' if self.skipped else ''
        return f'{self.passed} passed, {self.failed} failed{skipped}'


def counts_in(line):
    """Returns the counts in a line as a Sum, or None if it has none."""
    found = COUNTS.fullmatch(line.strip())
    return Sum(*(int(number or 0) for number in found.groups())) if found else None


def cases_of(report):
    """Returns the XML elements of the cases, or an empty list if there is no complete report."""
    try:
        return list(xml.etree.ElementTree.parse(report).iter('testcase'))
    except (OSError, xml.etree.ElementTree.ParseError):
        return []


def google(report, succeeded):
    result = Sum()
    for case in cases_of(report):
        skipped = case.find('skipped')
        if case.find('failure') is not None:
            result.failed += 1
        elif skipped is not None:
            result.skip(skipped.get('message', ''))
        elif case.get('status') == 'notrun':
            result.skip(f'{case.get("classname")}.{case.get("name")} is disabled')
        else:
            result.passed += 1
    return result.settle(succeeded)


def ctest(build, succeeded):
    result = Sum()
    for test in cases_of(os.path.join(build, 'ctest.xml')):
        result.add(ctest_case(build, test))
    return result.settle(succeeded)


def ctest_case(build, test):
    name, succeeded = test.get('name'), test.get('status') == 'run'
    skipped = test.find('skipped')
    lines = test.findtext('system-out', '').splitlines() or ['']
    result = Sum()
    if test.get('status') == 'disabled':
        result.skip(f'{name} is disabled')
    elif skipped is not None and skipped.get('message').startswith('SKIP_'):
        result.skip(f'{name}: {lines[-1]}')
    elif '_tests' in name:
        result = google(os.path.join(build, f'{name}.xml'), succeeded)
    else:
        counts = counts_in(lines[-1])
        result = (counts or Sum(passed=int(succeeded))).settle(succeeded)
        if counts:
            result.details = [f'  {name}: {result.line()}', *filter(lambda line: line.startswith(SKIPPED), lines)]
    return result


def total(lines):
    result = Sum()
    for line in lines:
        result.add(counts_in(line) or Sum(failed=1))
    return result.settle(True)


def main(arguments):
    if len(arguments) == 3 and arguments[0] in ('ctest', 'google'):
        count = ctest if arguments[0] == 'ctest' else google
        result = count(arguments[1], arguments[2] == '0')
    elif arguments == ['total']:
        result = total(sys.stdin)
    else:
        sys.exit(__doc__)
    print(*result.details, result.line(), sep='\n')
    return result.failed != 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
