#!/usr/bin/env python3
"""Whether a library stands on what it may: links_test.py LIBRARY [--includes PREFIX FOLDER] [--of LIBRARY] [--named REGEX].

Fails when a source file right in FOLDER includes a file whose name begins with PREFIX, or when LIBRARY leaves undefined what the other
library defines, or a symbol whose demangled name has a match of REGEX.
"""

import argparse
import pathlib
import re
import subprocess
import sys


def symbols(library, *options):
    output = subprocess.run(["nm", "--demangle", "--format=just-symbols", *options, library], check=True, capture_output=True, text=True)
    return {line for line in output.stdout.splitlines() if line and not line.endswith(".o:")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--includes", nargs=2, default=("", ""))
    parser.add_argument("--of")
    parser.add_argument("--named")
    arguments = parser.parse_args()
    prefix, folder = arguments.includes
    wrong = []
    sources = [file for pattern in ("*.h", "*.cc") for file in pathlib.Path(folder).glob(pattern)] if folder else []
    if folder and not sources:
        wrong.append(f"no sources in {folder}")
    wrong += [f"{file}: {line}" for file in sources for line in file.read_text().splitlines() if line.startswith(f'#include "{prefix}')]
    missing = symbols(arguments.library, "--undefined-only")
    if not missing:
        wrong.append(f"no symbols in {arguments.library}")
    if arguments.of:
        wrong += sorted(missing & symbols(arguments.of, "--defined-only", "--extern-only") - symbols(arguments.library, "--defined-only"))
    if arguments.named:
        wrong += sorted(symbol for symbol in missing if re.search(arguments.named, symbol))
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
