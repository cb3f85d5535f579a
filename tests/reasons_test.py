#!/usr/bin/env python3
"""Every reason of reason.proto is named by a test, so that none is answered where another belongs, or by the model's list of those that no
command can bring about."""

import pathlib
import re
import unittest

TESTS = pathlib.Path(__file__).parent


class ReasonsTest(unittest.TestCase):
    def test_each_is_named(self):
        reasons = re.findall(r"^  ([A-Z_]+) = \d+ \[", (TESTS.parent / "proto/redpoints/v1/reason.proto").read_text(), re.MULTILINE)
        self.assertGreater(len(reasons), 60)
        code = "".join(re.sub("//.*", "", file.read_text()) for file in TESTS.rglob("*_test.cc"))
        self.assertEqual([reason for reason in reasons if not re.search(rf"\b{reason}\b", code)], [])


if __name__ == "__main__":
    unittest.main()
