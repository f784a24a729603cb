# SPDX-License-Identifier: MIT
"""Tests sum.py with reports in the form that ctest and GoogleTest write."""
import contextlib
import io
import os
import tempfile
import unittest
from unittest import mock

import sum as sums


def test(name, status='run', output='', inside=''):
    return f'<testcase name="{name}" status="{status}">{inside}<system-out>{output}\n</system-out></testcase>'


def failed(name, output=''):
    return test(name, 'fail', output, '<failure message=""/>')


def not_run(name, reason, output):
    return test(name, 'notrun', output, f'<skipped message="{reason}"/>')


def cases(*inside):
    return '<testsuites><testsuite>' + ''.join(f'<testcase name="case" classname="suite" {i}' for i in inside) + \
        '</testsuite></testsuites>'


GOOD = 'status="run" result="completed"/>'
BAD = 'status="run" result="completed"><failure message="no"/></testcase>'
SKIPPED = 'status="run" result="skipped"><skipped message="some_test.cpp:7&#x0A;nobody knows&#x0A;"/></testcase>'
DISABLED = 'status="notrun" result="suppressed"/>'


class SumTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = folder.name

    def write(self, name, text):
        with open(os.path.join(self.build, name), 'w') as file:
            file.write(text)

    def say(self, *arguments, standard_input=''):
        """Returns the output of the program and its exit status."""
        with contextlib.redirect_stdout(io.StringIO()) as printed, mock.patch('sys.stdin', io.StringIO(standard_input)):
            status = sums.main(list(arguments))
        return printed.getvalue().splitlines(), int(status)

    def ctest(self, *tests, status=0, **reports):
        self.write('ctest.xml', '<testsuite>' + ''.join(tests) + '</testsuite>')
        for name, text in reports.items():
            self.write(f'{name}.xml', text)
        return self.say('ctest', self.build, str(status))

    # Tests of ctest.

    def test_each_counts_once(self):
        self.assertEqual(self.ctest(test('a'), test('b'), failed('c'), status=8), (['2 passed, 1 failed'], 1))
        self.assertEqual(self.ctest(test('a'), test('b')), (['2 passed, 0 failed'], 0))

    def test_counts_in_the_last_line_count_instead(self):
        self.assertEqual(self.ctest(test('a'), test('b', output='1 passed, 1 failed\nc: 1 of 2\n5 passed, 0 failed')),
                         (['  b: 5 passed, 0 failed', '6 passed, 0 failed'], 0))
        self.assertEqual(self.ctest(failed('b', '5 passed, 2 failed'), status=8),
                         (['  b: 5 passed, 2 failed', '5 passed, 2 failed'], 1))
        self.assertEqual(self.ctest(test('b', output='  skipped: by &amp; by\nmore\n5 passed, 0 failed, 1 skipped')),
                         (['  b: 5 passed, 0 failed, 1 skipped', '  skipped: by & by', '5 passed, 0 failed, 1 skipped'], 0))

    def test_counts_elsewhere_do_not_count(self):
        self.assertEqual(self.ctest(test('a', output='5 passed, 0 failed\nthe end')), (['1 passed, 0 failed'], 0))
        self.assertEqual(self.ctest(test('a', output='so 5 passed, 0 failed')), (['1 passed, 0 failed'], 0))

    def test_script_that_ends_badly_fails(self):
        self.assertEqual(self.ctest(failed('a', '5 passed, 0 failed'), status=8), (['  a: 5 passed, 1 failed', '5 passed, 1 failed'], 1))

    def test_script_that_counts_nothing_fails(self):
        self.assertEqual(self.ctest(test('a', output='0 passed, 0 failed')),
                         (['  a: 0 passed, 1 failed', '0 passed, 1 failed'], 1))

    def test_skipped_with_the_reason(self):
        self.assertEqual(self.ctest(test('a'), not_run('b', 'SKIP_RETURN_CODE=77', 'looks\nno package')),
                         (['  skipped: b: no package', '1 passed, 0 failed, 1 skipped'], 0))
        self.assertEqual(self.ctest(test('a'), test('b', 'disabled', 'Disabled')),
                         (['  skipped: b is disabled', '1 passed, 0 failed, 1 skipped'], 0))

    def test_could_not_run_fails(self):
        for name in ('b', 'b_tests'):
            lost = not_run(name, 'Unable to find executable', f'Unable to find executable: {name}')
            self.assertEqual(self.ctest(test('a'), lost, lost, status=8), (['1 passed, 2 failed'], 1))

    def test_ctest_that_says_more_than_the_reports_fails(self):
        self.assertEqual(self.ctest(test('a'), status=8), (['1 passed, 1 failed'], 1))
        self.assertEqual(self.ctest(failed('a'), status=8), (['0 passed, 1 failed'], 1))

    def test_no_tests_and_no_report_fail(self):
        self.assertEqual(self.ctest(), (['0 passed, 1 failed'], 1))
        self.write('ctest.xml', '<testsuite><testcase name="a" sta')
        self.assertEqual(self.say('ctest', self.build, '0'), (['0 passed, 1 failed'], 1))
        os.remove(os.path.join(self.build, 'ctest.xml'))
        self.assertEqual(self.say('ctest', self.build, '0'), (['0 passed, 1 failed'], 1))

    # Programs of GoogleTest.

    def test_each_case_counts(self):
        self.assertEqual(self.ctest(test('a'), test('b_tests'), b_tests=cases(GOOD, GOOD, GOOD)), (['4 passed, 0 failed'], 0))
        self.assertEqual(self.ctest(failed('b_tests'), status=8, b_tests=cases(GOOD, BAD, GOOD, BAD)),
                         (['2 passed, 2 failed'], 1))
        self.assertEqual(self.ctest(test('b_tests_more'), b_tests_more=cases(GOOD, GOOD)), (['2 passed, 0 failed'], 0))

    def test_skipped_cases_with_the_reason(self):
        self.assertEqual(self.ctest(test('b_tests'), b_tests=cases(GOOD, SKIPPED, DISABLED)),
                         (['  skipped: some_test.cpp:7 nobody knows', '  skipped: suite.case is disabled',
                           '1 passed, 0 failed, 2 skipped'], 0))

    def test_program_that_ends_badly_fails(self):
        self.assertEqual(self.ctest(failed('b_tests'), status=8, b_tests=cases(GOOD, GOOD)), (['2 passed, 1 failed'], 1))

    def test_program_without_a_complete_report_fails(self):
        self.assertEqual(self.ctest(test('a'), test('b_tests')), (['1 passed, 1 failed'], 1))
        for report in ('', cases(GOOD, GOOD)[:-10], cases()):
            self.assertEqual(self.ctest(test('a'), test('b_tests'), b_tests=report), (['1 passed, 1 failed'], 1))

    def test_one_program(self):
        report = os.path.join(self.build, 'b.xml')
        self.assertEqual(self.say('google', report, '0'), (['0 passed, 1 failed'], 1))
        self.write('b.xml', cases(GOOD, BAD, SKIPPED))
        self.assertEqual(self.say('google', report, '1'),
                         (['  skipped: some_test.cpp:7 nobody knows', '1 passed, 1 failed, 1 skipped'], 1))

    # The total.

    def test_total(self):
        self.assertEqual(self.say('total', standard_input='3 passed, 0 failed\n4 passed, 0 failed, 2 skipped\n'),
                         (['7 passed, 0 failed, 2 skipped'], 0))
        self.assertEqual(self.say('total', standard_input='3 passed, 1 failed\n'), (['3 passed, 1 failed'], 1))
        self.assertEqual(self.say('total', standard_input='3 passed, 0 failed\nno counts\n'), (['3 passed, 1 failed'], 1))
        self.assertEqual(self.say('total'), (['0 passed, 1 failed'], 1))


if __name__ == '__main__':
    unittest.main()
