# SPDX-License-Identifier: GPL-2.0
"""What a program says in the Test Anything Protocol, and what to believe of it."""

import fnmatch
import re
from typing import NamedTuple

RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*-?\s*(.*)")
DIRECTIVE = re.compile(r"#\s*(SKIP|TODO|XFAIL)\b:?\s*(.*)", re.I)
# the kernel's harness does not name the tests that it skips
RUNNING = re.compile(r"#\s+RUN\s+(\S+)")


class Result(NamedTuple):
    name: str       # program:test
    verdict: str    # pass, fail or skip
    detail: str = ""


class Program:
    """The output of one program, line by line, and then its end."""

    def __init__(self, name):
        self.name = name
        self.results = []
        self._planned = None
        self._running = ""
        self._remarks = []

    def _add(self, test, verdict, detail=""):
        self.results.append(Result(f"{self.name}:{test}", verdict, detail))

    def line(self, line):
        line = line.rstrip()
        if match := re.fullmatch(r"1\.\.(\d+)(\s*#.*)?", line):
            self._planned = int(match[1])
            if match[2] and self._planned == 0:
                self._add("all", "skip", match[2].strip(" #"))
                self._planned = 1
        elif match := RUNNING.match(line):
            self._running = match[1]
        elif match := RESULT.match(line):
            self._result(*match.groups())
        elif line.startswith("Bail out!"):
            self._add("bail out", "fail", line[9:].strip())
        elif line.startswith("#"):
            self._remarks.append(line.lstrip("# "))

    def _result(self, wrong, number, text):
        directive = DIRECTIVE.search(text)
        name = DIRECTIVE.sub("", text).strip(" #") or self._running or f"test {number}"
        if wrong:
            self._add(name, "fail", "; ".join(self._remarks[-4:]))
        elif directive and directive[1].upper() == "SKIP":
            self._add(name, "skip", directive[2].strip())
        else:
            self._add(name, "pass")
        self._remarks = []
        self._running = ""

    def end(self, how, code):
        """The program is over: "exit" and its status, "signal" and its number, ..."""
        failed = any(r.verdict == "fail" for r in self.results)
        if how == "exit" and code == 4 and not self.results:
            # the kselftests' way to say that all of it was skipped
            self._add("all", "skip", "; ".join(self._remarks[-2:]))
        elif how != "exit" or (code and not failed):
            what = {"exit": f"ended with {code}", "signal": f"ended by signal {code}",
                    "late": f"still ran after {code} s",
                    "stuck": f"still ran after {code} s and could not be killed"}
            self._add("end", "fail", what.get(how, how))
        elif not self.results:
            self._add("end", "fail", "said nothing")
        elif self._planned is None:
            self._add("plan", "fail", "never said how many tests there are")
        elif self._planned != len(self.results):
            self._add("plan", "fail",
                      f"{self._planned} tests were planned, {len(self.results)} reported")


def read_expected(path):
    """The skips that are meant: lines of PROGRAM:TEST and the reason."""
    expected = []
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                words = line.split("#", 1)[0].split(None, 1)
                if len(words) == 2:
                    expected.append((words[0], words[1].strip()))
                elif words:
                    raise SystemExit(f"{path}: {words[0]}: a skip without a reason")
    except FileNotFoundError:
        pass
    return expected


def judge(results, expected):
    """Make failures of the skips that nobody listed."""
    for result in results:
        if result.verdict == "skip":
            for pattern, reason in expected:
                if fnmatch.fnmatchcase(result.name, pattern):
                    yield result._replace(detail=reason)
                    break
            else:
                yield result._replace(verdict="fail",
                                      detail=f"skipped, and not listed: {result.detail}")
        else:
            yield result
