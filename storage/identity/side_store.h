// The side state that can be erased: which 会员号 is whose, and what confidential deeds really were. The journal holds only salted
// commitments to these values; the values and salts are here, each sealed by itself under the key file.
//
//   key                                                       value
//   00 'v' "format"                                           "1", the only value in clear
//   00 'k' "seal" key id                                      sealed, empty: a key that values may be sealed under
//   00 'k' "fingerprint" key id                               sealed, empty: a key that requests may be compared under
//   00 'k' "number"                                           sealed: id of the key behind 'x'
//   00 'w' "rewrite"                                          sealed, empty: rows were erased, and files are still to be rewritten
//   program 00 'n' actor '/' request id '/' item:6 digits     sealed: order, member, 会员号, salt
//   program 00 'd' actor '/' request id '/' item:6 digits     sealed: order, member, what the deed was, salt
//   program 00 'x' HMAC of the 会员号:32 bytes                 sealed: the 'n' row, from actor on
//   program 00 'm' member '/' 'n' or 'd' '/' commitment       sealed: the row, from actor on
//   program 00 'o' actor '/' request id                       sealed, empty: rows of this request wait for their entry (see Clear)
//   program 00 's' actor '/' request id                       sealed, empty: rows of this request had no entry in another epoch; they stay
//   program 00 'e' "epoch"                                    sealed: the ledger's epoch at the last Clear
//
// A key file without one of these keys is an older copy, or another server's. Beside RocksDB's files lies the write mark (write_mark.h),
// which notices that a log is gone; without it a store is only read.
//
// Rows are kept by request and item, so that an honest repeat of a request finds its number and salt again. A row counts while the
// member's newest entry commits to it; that is the caller's to see, since nothing here knows the journal: an older copy of this store can
// lose numbers, but never revive one. Nor must an older ledger: by their order it is seen which of a member's numbers was given last.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/identity/cipher.h"
#include "storage/identity/key_file.h"
#include "storage/mutex.h"

namespace redpoints {

// The tables' letters. Never change.
enum class SideKind : char { kNumber = 'n', kDeed = 'd' };

inline constexpr std::size_t kSideItemsMax = 10'000;                // of one call
inline constexpr std::size_t kSideNameBytesMax = 256;               // of a program, actor, request id, member
inline constexpr std::size_t kDeedBytesMax = std::size_t{1} << 16;  // of one deed's content

// The epoch, for Clear, of a program that no ledger has.
inline constexpr std::int64_t kNoLedger = -1;

struct SideRow {
  std::uint64_t order = 0;  // higher than that of every row that was there when it was made
  std::string member;
  std::string value;  // the 会员号; what the deed was
  Salt salt{};
  std::string commitment;  // what the entry holds: SideCommitment of the above
  bool operator==(const SideRow&) const = default;
};

// Commitment(label of the kind, salt, value): "redpoints/number/1", "redpoints/deed/1".
std::string SideCommitment(SideKind kind, const Salt& salt, std::string_view value);

// Which item of which request made a row.
struct SideName {
  std::string actor;
  std::string request_id;
  std::uint32_t item = 0;
  bool operator==(const SideName&) const = default;
};

// Thread-safe. Writes go one after another, each synced before it returns; a write that fails is the last: all later ones are UNAVAILABLE
// until the store is opened again, which tells whether the failed one is there. Resolve, Committed and Made never wait for a lock.
//
// All functions: INVALID_ARGUMENT for empty or too long names, for '/' or NUL in them, for too many items. DATA_LOSS
// names the row that is damaged. FAILED_PRECONDITION names the key that the key file lacks.
class SideStore {
 public:
  struct Options {
    std::string directory;           // its own
    bool create_if_missing = false;  // otherwise a directory without a file of a store is NOT_FOUND
    bool read_only = false;          // what changes anything is UNAVAILABLE then
    // The write failed that is the last. Called once, on its thread, before it returns.
    std::function<void(const std::string& why)> on_failed = nullptr;
    // For tests: where numbers come from; nullptr: ten random digits with their check digit.
    std::function<std::string()> draw_number = nullptr;
  };
  // `keys` is not owned and must outlive the store. FAILED_PRECONDITION: another format; open twice; or, as the start failure
  // SIDE_STORE_FOREIGN, the store opens but for a key that it needs and the file lacks. ABORTED: open in another process.
  // PERMISSION_DENIED: a file is somebody else's; the message has what helps. DATA_LOSS: damaged, also where a file is missing; or, as
  // SIDE_STORE_CUT, writes that were acknowledged are gone; or, as SIDE_STORE_UNMARKED and only for writing, nothing says whether any are.
  // UNAVAILABLE: the disk is full.
  static absl::StatusOr<std::unique_ptr<SideStore>> Open(const Options& options, const KeyFile& keys);
  ~SideStore();
  // Whether what changes anything is carried out: not when read-only, nor after a failed write. Thread-safe, never waits.
  bool CanWrite() const;
  const std::string& directory() const { return options_.directory; }
  // Whether the write mark said, when this was opened, how much was acknowledged. Thread-safe, never waits.
  bool was_marked() const;
  SideStore(const SideStore&) = delete;
  SideStore& operator=(const SideStore&) = delete;

  struct NumberItem {
    std::uint32_t item = 0;  // its place in the request, below a million, once in a call
    std::string member;
    // `member` was drawn for this call: a repeat gets the row with the member drawn first. Otherwise the member is one that has a number,
    // and gets another.
    bool is_new_member = true;
  };
  // The numbers of the items, in their order. What this actor and request id got before is given again; the rest is drawn until it is
  // free in the program, also of numbers that no longer lead anywhere. All or nothing. ALREADY_EXISTS: the item was for another member
  // before, so the request id is used twice. RESOURCE_EXHAUSTED: no free number found.
  absl::StatusOr<std::vector<SideRow>> Reserve(std::string_view program, std::string_view actor, std::string_view request_id,
                                               const std::vector<NumberItem>& items);

  struct DeedItem {
    std::uint32_t item = 0;
    std::string member;
    std::string content;  // opaque
  };
  // As Reserve. ALREADY_EXISTS: the item had another member or content before.
  absl::StatusOr<std::vector<SideRow>> KeepDeeds(std::string_view program, std::string_view actor, std::string_view request_id,
                                                 const std::vector<DeedItem>& items);

  // The row of a number; nullopt for a number that nobody got, and for no 会员号. It leads to its member only if the member's newest
  // entry holds its commitment.
  absl::StatusOr<std::optional<SideRow>> Resolve(std::string_view program, std::string_view number) const;

  // What `commitment`, from an entry about `member`, commits to: the member's number, what a deed was. nullopt: not here, or erased.
  absl::StatusOr<std::optional<SideRow>> Committed(std::string_view program, SideKind kind, std::string_view member,
                                                   std::string_view commitment) const;

  // The row that a request's item made, if it is here.
  absl::StatusOr<std::optional<SideRow>> Made(std::string_view program, SideKind kind, const SideName& name) const;

  // What became of the entry that was to commit to a row.
  enum class Fate { kCommitted, kNeverComes, kOpen };
  using FateOf = std::function<Fate(SideKind kind, const SideName& name, const SideRow& row)>;
  struct RowWithoutEntry {
    SideKind kind;
    SideName name;
    SideRow row;
    bool is_stray = false;  // it stays
  };
  struct Cleared {
    std::int64_t committed = 0;          // rows whose entry is there; they aren't asked for again
    std::int64_t removed = 0;            // rows whose entry never comes
    std::int64_t open = 0;               // rows left for the next Clear
    std::vector<RowWithoutEntry> stray;  // rows that have no entry and stay
    std::vector<std::string> damaged;    // rows that can't be read, by name; left for the next Clear
  };
  // Asks for each row that waits for its entry, and removes those whose entry never comes: what a crash left between the two. `epoch` is
  // the ledger's. Where it is another than at the last Clear, the ledger is one that was put back, whose entries were lost and not late:
  // then every row of the program is asked for, and those without an entry are stray. They stay, since a repeat may bring their entry, or
  // that ledger which has it may be put back; each Clear asks for them again.
  //
  // `fate` may read this store. It must answer kOpen for a request that may still be on its way, even a repeat: after kNeverComes the row
  // can be gone, and a repeat gets another. Bytes of removed rows leave the disk with the next Erase or when RocksDB compacts.
  absl::StatusOr<Cleared> Clear(std::string_view program, std::int64_t epoch, const FateOf& fate);

  // The rows whose entry is not there, and which of them a Clear would leave, by reading every row; of one that is damaged Check tells.
  // Other writes wait now and then.
  absl::StatusOr<std::vector<RowWithoutEntry>> WithoutEntry(std::string_view program, std::int64_t epoch, const FateOf& fate) const;

  // Whether there is a number or a deed of that member.
  absl::StatusOr<bool> HasRowsOf(std::string_view program, std::string_view member) const;

  // The programs that have rows here.
  absl::StatusOr<std::vector<std::string>> Programs() const;

  // Removes all rows of the members and what leads to them, then rewrites the files, so that their bytes, sealed as they are, are in no
  // file of the directory once reads that run meanwhile have ended; in older backups they stay. A crash on the way is made good by the next
  // opening for writing. Returns how many rows there were; none: nothing is rewritten, so that a list of erased members can be erased again
  // after each restore. DATA_LOSS: a row was damaged; it and all that could be read is removed all the
  // same, but what only the damaged row led to can remain. Other writes wait meanwhile.
  absl::StatusOr<std::int64_t> Erase(std::string_view program, const std::vector<std::string>& members);

  // A consistent, checksummed copy in `directory`, which must not exist, with a write mark if this has one: empty, if this one's was and
  // this is open for reading only. Other writes wait while it is made, not while it is verified.
  absl::Status Backup(const std::string& directory);

  struct Report {
    std::int64_t numbers = 0;
    std::int64_t deeds = 0;
    std::int64_t open_requests = 0;
    std::int64_t faults = 0;
    std::vector<std::string> first_faults;  // 100 at most, each with its row's name
  };
  // Reads every row: that it opens, and that rows and what leads to them agree. A fault is in the report, never a status; behind a file
  // that can't be read the rest is one fault.
  absl::StatusOr<Report> Check() const;

 private:
  class Disk;
  class Changes;
  struct Request;

  SideStore(const Options& options, const KeyFile& keys);
  absl::Status Prepare() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Foreign(absl::string_view why) const;

  std::string NumberHash(std::string_view number) const;
  void Put(Changes& changes, std::string_view program, char table, std::string_view key, std::string_view plain) const;
  // The row at `key` ("actor/request id/item") of the kind's table.
  absl::StatusOr<std::optional<SideRow>> RowAt(std::string_view program, SideKind kind, std::string_view key) const;
  // The row that the value at `index_key` names.
  absl::StatusOr<std::optional<SideRow>> RowBehind(std::string_view program, SideKind kind, char index_table,
                                                   std::string_view index_key) const;
  void PutRow(Changes& changes, const Request& request, SideKind kind, std::uint32_t item, const SideRow& row) const;
  void RemoveRow(Changes& changes, std::string_view program, SideKind kind, std::string_view key, const SideRow& row) const;
  absl::Status RemoveBehind(Changes& changes, std::string_view program, std::string_view full_key) const;
  // The epoch of the last Clear; 0, with which a ledger begins, before the first; nullopt: its row is damaged.
  absl::StatusOr<std::optional<std::int64_t>> EpochOf(std::string_view program) const;
  absl::Status TurnTo(std::string_view program, std::int64_t epoch, const FateOf& fate) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<bool> IsMarked(std::string_view program, char marks, std::string_view request_key) const;
  absl::Status ClearMarked(std::string_view program, char marks, const FateOf& fate, Cleared& cleared) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ClearRequest(Changes& changes, const Request& request, char marks, const FateOf& fate, Cleared& cleared);
  absl::Status Rewrite();
  std::string Fault(std::string_view full_key, std::string_view value) const;

  const Options options_;
  const KeyFile& keys_;
  std::unique_ptr<Disk> disk_;
  // Held from reading what is there to writing what follows from it, and while iterators live: those would keep erased bytes.
  mutable Mutex mutex_;
};

}  // namespace redpoints
