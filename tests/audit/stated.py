"""What entries state, and what no export shows therefore.

STATED has, by kind, the fields whose values nothing else in an export gives, each with what that leaves open, as it is printed: another
value, with all that follows from it changed as well, makes another sound entry. Whatever does not stand there is recomputed.
"""

WHEN = "when, between the entries before and after"
CUT = "that entries are missing at the end"
ASKED = "whether what was asked for is what was meant: another member, deed, day, group, quantity, sale or amount that is allowed as well"
ASKER = ("who asked: somebody else who might have, from another till of theirs, as another clerk, under another request id; and whether "
         "the standing and roles of who asked allowed it, which the front door judges before there is an entry")
SHOWN = "how it was shown who pays: another kind of presentation that the rulebook allows, another code, card or slip"
COUNTER = "what went over the counter: cash, pieces, and the points for what has no price"
KEPT = "what is only named here and kept elsewhere: evidence, notes, tags, what a deed was about, ids of other systems"
WHY = "the reason that somebody gave for a correction or undo"
TRUE = "whether what was registered is true of people, shops, tills, funds and offers"
REFUSED = "what was refused, and whether it had to be: a refusal moves nothing"
OPERATOR = "what an operator said of a clock, within twenty minutes, or of a log that was restored"


def rows(reason, *fields):
    return dict.fromkeys(fields, reason)


# What a record of each kind can have.
RECORDS = {
    "program": ("id", "administrator", "side_key"),
    "node": ("code", "kind", "parent", "places", "type", "end_day"),
    "fund": ("code", "budget_points", "end_day"),
    "member": ("id", "number_commitment", "kind", "groups", "grid", "memberships", "state"),
    "merchant": ("id", "people", "place", "state"),
    "terminal": ("id", "merchant", "state"),
    "staff": ("id", "member", "external", "grants", "state"),
    "rulebook": ("version", "effective_day", "sha256", "format", "withdrawn"),
    "offer": ("code", "name_zh_cn", "kind", "merchant", "price_points", "max_points", "from", "to"),
    "clock": ("stated_ms", "last_closed_day"),
    "waiver": ("fund", "points"),
    "epoch": ("old_epoch", "size", "root", "origin", "signed_size", "lost", "why"),
}


def record(reason, kind, but=()):
    return {f"data.{kind}.{field}": reason for field in RECORDS[kind] if field not in but}


ORIGIN = rows(ASKER, "request_id", "item", "fingerprint", "actor")
TILL = rows(ASKER, "terminal", "clerk", "till")
LINES = rows(COUNTER, "lines.offer", "lines.quantity", "lines.points", "lines.cash_fen")
SALE = rows(ASKED, "member") | rows(SHOWN, "presentation", "payer_use") | LINES | TILL
DEED = (rows(ASKED, "member", "effective_day", "group", "activity", "quantity", "session", "case")
        | rows(KEPT, "about", "tags", "evidence_sha256", "note_commitment", "unique", "external_id"))
STATED = {
    **{kind: record(TRUE, kind) for kind in ("program", "node", "fund", "member", "merchant", "terminal", "offer")},
    "staff": record(TRUE, "staff", but=("external",)),
    "rulebook": record(TRUE, "rulebook", but=("version", "effective_day", "format", "withdrawn")),
    "award": DEED,
    "correction": rows(ASKED, "ref", "quantity") | rows(WHY, "reason"),
    "donation": rows(ASKED, "member", "postings.amount"),
    "redemption": SALE,
    "hold": SALE,
    "capture": rows(ASKED, "hold", "postings.amount") | TILL,
    "void": rows(ASKED, "hold") | TILL,
    "hold_expired": rows(ASKED, "hold"),
    "refund": rows(ASKED, "ref", "postings.amount") | rows(COUNTER, "cash_fen") | TILL,
    "reversal": rows(ASKED, "target_request") | TILL,
    "undo_proposed": rows(ASKED, "ref") | rows(WHY, "reason"),
    "undo": rows(ASKED, "proposal"),
    "waiver_proposed": rows(ASKED, "member") | rows(WHY, "reason") | record(ASKED, "waiver"),
    "debt_waived": rows(ASKED, "proposal"),
    "expiry": rows(ASKED, "member"),
    "day_closed": {},
    "expiry_undone": rows(OPERATOR, "ref"),
    "clock_confirmed": record(OPERATOR, "clock"),
    "epoch": rows(OPERATOR, "epoch") | record(OPERATOR, "epoch", but=("old_epoch", "size")),
    "refused": rows(REFUSED, "member", "refusal", "request_kind", "facts", "points") | TILL,
}
TILL_KINDS = {"redemption", "hold", "capture", "void", "refund", "reversal"}  # a till alone asks for these
BY_TIME = {"hold_expired", "expiry", "expiry_undone", "day_closed"}  # the ledger writes these by itself
REFUSABLE = STATED.keys() - BY_TIME - {"epoch", "refused"}  # what somebody asks for
for of_kind, fields in STATED.items():
    fields.update(rows(WHEN, "recorded_ms") | ({} if of_kind in BY_TIME else ORIGIN))
# What a refusal says, too, of what was asked; nothing was used up, and no record or commitment is kept.
REFUSALS = {kind: set(fields) - {"payer_use", "note_commitment", "unique"} - {f for f in fields if f.startswith("data.") and TRUE in fields.values()}
            for kind, fields in STATED.items()}
LIMITS = [WHEN, CUT, ASKED, ASKER, SHOWN, COUNTER, KEPT, WHY, TRUE, REFUSED, OPERATOR]
REGISTRATIONS = {kind for kind, fields in STATED.items() if TRUE in fields.values()}
# What later entries name.
KEEP = {"award", "donation", "redemption", "hold", "capture", "refund", "undo_proposed", "waiver_proposed", "refused"}
REVERSIBLE = {"redemption", "hold", "capture"}
