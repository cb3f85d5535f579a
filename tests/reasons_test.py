#!/usr/bin/env python3
"""Every reason of reason.proto is named by a test, or by the model's reference, which answers with it where the rules must, so that none is
answered where another belongs."""

import pathlib
import re
import unittest

TESTS = pathlib.Path(__file__).parent


class ReasonsTest(unittest.TestCase):
    def test_each_is_named(self):
        reasons = re.findall(r"^  ([A-Z_]+) = \d+ \[", (TESTS.parent / "proto/redpoints/v1/reason.proto").read_text(), re.MULTILINE)
        self.assertGreater(len(reasons), 60)
        files = [*TESTS.rglob("*_test.cc"), *TESTS.glob("model/reference*.cc")]
        code = "".join(re.sub("//.*", "", file.read_text()) for file in files)
        self.assertEqual([reason for reason in reasons if not re.search(rf"\b{reason}\b", code)], [])


if __name__ == "__main__":
    unittest.main()
