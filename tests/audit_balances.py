#!/usr/bin/env python3
"""Recomputes every balance and every `prev` chain of a JSON Lines export of Red Points, and nothing else: short enough to be read before it
is trusted. It prints the balances, or names the first line that disagrees and exits with 1. audit_export.py looks at the rest.

    audit_balances.py journal.jsonl
"""

import json
import sys

balances, heads = {}, {}  # (account, part, unit) -> balance; (account, unit) -> the last entry that touched it
for number, line in enumerate(open(sys.argv[1], "rb"), start=1):
    entry, touched = json.loads(line), {}
    for p in entry.get("postings", []):
        key, chain = (p["account"], p.get("sub", "available"), p["unit"]), (p["account"], p["unit"])
        balances[key] = balances.get(key, 0) + p["amount"]
        if p.get("balance", balances[key]) != balances[key]:  # a shop's balance is not in the line
            sys.exit(f"line {number}: {' '.join(key)} is {p['balance']}, the entries give {balances[key]}")
        if p.get("prev", -1) != heads.get(chain, -1):
            sys.exit(f"line {number}: the entry before of {' '.join(chain)} is {heads.get(chain, -1)}, not {p.get('prev', -1)}")
        touched[chain] = entry["seq"]
    heads.update(touched)
for key, balance in sorted(balances.items()):
    print(*key, balance)
