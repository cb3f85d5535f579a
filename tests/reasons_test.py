#!/usr/bin/env python3
"""Every reason of reason.proto is named by a test, or by the model's reference, which answers with it where the rules must, so that none is
answered where another belongs. And what any refusal carries beside its reason has Chinese words on a Chinese screen."""

import pathlib
import re
import unittest

TESTS = pathlib.Path(__file__).parent

TEXT = re.compile(r'"(?:\\.|[^"\\])*"')


def arguments(code, begin):
    """What stands between the bracket that opens just before `begin` and the one that closes it, at its commas."""
    parts, depth, at, start = [], 0, begin, begin
    while depth >= 0:
        if code[at] == '"':
            at = TEXT.match(code, at).end()
            continue
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0 or depth == 0 and code[at] == ",":
            parts.append(code[start:at].strip())
            start = at + 1
        at += 1
    return parts


def sources():
    for directory in ("storage", "server"):
        for file in sorted((TESTS.parent / directory).rglob("*")):
            if file.suffix in (".cc", ".h"):
                yield file.name, re.sub(r"(?m)(^|\s)//.*$", "", file.read_text())


def words(table):
    code = (TESTS.parent / "client/cli/labels.cc").read_text()
    begin = code.index(f"constexpr Label {table}[] = {{")
    return set(re.findall(r'\{"([^"]*)",\s', code[begin:code.index("};", begin)]))


class ReasonsTest(unittest.TestCase):
    def test_each_is_named(self):
        reasons = re.findall(r"^  ([A-Z_]+) = \d+ \[", (TESTS.parent / "proto/redpoints/v1/reason.proto").read_text(), re.MULTILINE)
        self.assertGreater(len(reasons), 60)
        files = [*TESTS.rglob("*_test.cc"), *TESTS.glob("model/reference*.cc")]
        code = "".join(re.sub("//.*", "", file.read_text()) for file in files)
        self.assertEqual([reason for reason in reasons if not re.search(rf"\b{reason}\b", code)], [])

    def test_each_fact_has_its_word(self):
        # A key that is no text, and the ones that it stands for.
        named = {"bound": {"max", "points"}, "": set(), "key": set()}
        keys = set()
        for _, code in sources():
            for found in re.finditer(r"\b(?:Reason::\w+, (?:\.facts = )?|facts = )\{", code):
                keys.update(arguments(fact, 1)[0] for fact in arguments(code, found.end()) if fact)
            keys.update(arguments(code, found.end())[0] for found in re.finditer(r"facts\.emplace_back\(", code))
        unquoted = {key.strip('"') for key in keys if key.startswith('"')}.union(*(named[key] for key in keys if not key.startswith('"')))
        self.assertGreater(len(unquoted), 20)
        self.assertEqual(sorted(unquoted - words("kFacts")), [])

    def test_what_a_field_should_have_been_has_its_words(self):
        # Where the words stand among the arguments: in which files, of which function. What a rulebook should have been stays in English.
        places = [("", "FieldInvalid", 1), ("", "Valid", 2), ("shape.cc", "Check", 2), ("shape.h", "Text", 3), ("registry.cc", "Invalid", 1),
                  ("passing.cc", "invalid", 1)]
        texts = set()
        for name, code in sources():
            for file, function, place in places:
                for found in re.finditer(rf"\b{function}\(", code):
                    given = arguments(code, found.end())
                    if file in ("", name) and len(given) > place:
                        texts.update(TEXT.findall(given[place]))
            if name != "rulebook_json.cc":
                texts.update(re.findall(r'\{"expected", ("[^"]*")\}', code))
        self.assertGreater(len(texts), 50)
        self.assertEqual(sorted({text.strip('"') for text in texts} - words("kExpected")), [])


if __name__ == "__main__":
    unittest.main()
