// What can be asked of the ledger, checked for shape and authorised. Names are bare ids ("m...", "s..."), sequences are those of this
// history; texts obey the bounds of the protos, and Fits says which bounds the rules themselves rely on. Numbers that members show are
// resolved before the queue.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/rules/entry.h"

namespace redpoints {

// Who asks, and under which id.
struct Origin {
  std::string actor;       // terminal, staff or member id: the scope of the request id
  std::string request_id;  // 32 hex digits
  std::string terminal;    // when the actor is one
  std::string merchant;    // of the terminal
  std::string clerk;
  std::string till;
  std::string fingerprint;                           // of the command, made by Fingerprint(); Execute compares it
  std::vector<std::string> older_fingerprints = {};  // the same under keys used before: a repetition may have been stored with one
};

// A member as somebody named them. `print`, when not empty, is a keyed hash of what was typed (a 会员号): it stands for it in the fingerprint,
// since the number may lead to somebody else by the time of a repetition.
struct MemberRef {
  std::string id;  // "m..."; empty: what was typed leads to nobody
  std::string print;
};

// How a member showed who pays, verified and resolved.
struct Payer {
  std::string presentation;  // class: "number"
  MemberRef member;
  PayerUse use;
};

struct AwardItem {
  MemberRef member;
  std::string activity;  // of a confidential deed: the umbrella's
  std::int64_t quantity = 0;
  Day effective_day = 0;
  Group group = Group::kNone;
  std::string session, case_id, about;
  std::string evidence_sha256, note_commitment;  // 64 hex digits or empty
  std::vector<std::string> unique;               // of a confidential deed: 2 of 64 hex digits
  std::string print;                             // of a confidential deed: keyed hash of what it really was, for the fingerprint
  std::string external_id;
  std::vector<std::string> tags;
};
struct Award {
  AwardItem item;
};
struct AwardBatch {
  std::vector<AwardItem> items;
};
struct Correct {
  std::int64_t award = -1;
  std::int64_t new_quantity = 0;
  std::string reason;  // lower-case name of v1::CorrectionReason
};
struct Donate {
  MemberRef member;
  std::int64_t points = 0;
};
struct Redeem {
  Payer payer;
  std::vector<OfferLine> lines;
};
struct Authorize {
  Payer payer;
  std::vector<OfferLine> lines;
};
struct Capture {
  std::int64_t hold = -1;
  std::int64_t points = 0;  // 0: all
};
struct Void {
  std::int64_t hold = -1;
};
struct Refund {
  std::int64_t redemption = -1;
  std::int64_t points = 0;
  std::int64_t cash_fen = 0;
};
struct Reverse {
  std::string target_request;  // 32 hex digits
};
// The first of two persons: a donation or refund was made in error.
struct ProposeUndo {
  std::int64_t target = -1;
  std::string reason;  // lower-case name of v1::UndoReason
};
// The second.
struct Undo {
  std::int64_t proposal = -1;
};
// The first of two persons: a member shall owe a fund that has ended no more.
struct ProposeWaiver {
  MemberRef member;
  std::string fund;
  std::int64_t points = 0;  // 0: all that the member owes it
  std::string reason;       // lower-case name of v1::WaiverReason
};
// The second.
struct WaiveDebt {
  std::int64_t proposal = -1;
};
// Registrations, all or none. Ids and commitments in it were made by the server for this attempt and are not part of the fingerprint.
struct Register {
  std::vector<Registration> items;
  bool is_new = true;            // the ids must be free; otherwise they must be taken
  bool replaces_number = false;  // of a member: the item carries the commitment to a new 会员号, all else stays as it is
  std::string rulebook_json;     // with RulebookData: the blob
  bool is_check_only = false;    // whether it would be taken; posts nothing
};
// The wall clock shows the time that somebody states. With the last closed day that stands: it sets back one that was confirmed wrongly.
struct ConfirmClock {
  std::int64_t stated_ms = 0;
  Day last_closed_day = 0;
};
// The first entries of a new program: itself and its administrator. Asked of the program itself, after the system program has recorded it.
struct FoundProgram {
  ProgramData program;
  std::int64_t epoch = 0;  // the system program's, in which a journal begins: one of that name may have been lost with the epoch before
};
// The first entry after a restore or recovery. Asked by those, of a ledger that nobody else uses yet.
struct OpenEpoch {
  EpochData data;
  std::int64_t number = 0;  // of the new epoch, so that no other opening has it; the one after the old epoch's where it is not above that
};

using Command = std::variant<Award, AwardBatch, Correct, Donate, Redeem, Authorize, Capture, Void, Refund, Reverse, ProposeUndo, Undo,
                             ProposeWaiver, WaiveDebt, Register, ConfirmClock, FoundProgram, OpenEpoch>;

// Whether a command of many has 1 to 8,190 items, all of them members where they are registrations. What an entry shows of its command is
// bounded where it is derived. A front door checks more.
bool Fits(const Command& command);

// "1.{key}:" and 32 hex digits over the typed fields of the command and the origin's clerk and till; what makes two requests "the same".
// Fields that are absent are not in it, so that later fields change no older fingerprint. `key` is the id of the key that made the prints
// in the command, "0" if there are none. Server-made ids are left out.
std::string Fingerprint(const Origin& origin, const Command& command, std::string_view key = "0");

}  // namespace redpoints
