// One derived table of a program in memory, in generations, so that a batch can be decided before it is durable and old rows can leave:
//
//   pending   changed by entries that are not yet durable     only the writer sees it
//   recent    published since the last turn                   readers see it, under the state's lock
//   previous  published before the last turn; never changes   may be written to the store by any thread
//   loader    everything older, from the store                absent in tests and in check: then nothing may leave memory
//
// Pinned rows never leave memory: a turn takes them along.
//
// A row's newest generation wins. A row without value is a deleted one.
//
// Threads: one writer calls Find, Edit, Erase freely, and Publish and Turn while it holds the state's lock exclusively. Readers use
// State::Read, which holds the lock shared for memory only and never while it waits for the store. A reader never sees half of a batch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/node_hash_map.h"

namespace redpoints {

template <class V> class Table {
 public:
  using Loader = std::function<std::optional<V>(const std::string& key)>;  // thread-safe
  struct Row {
    std::optional<V> value;
    bool dirty = false;
  };
  using Rows = absl::node_hash_map<std::string, Row>;  // nodes: a row's address survives other insertions

  void set_loader(Loader loader) { loader_ = std::move(loader); }
  void set_pinned(bool (*is_pinned)(std::string_view key)) { is_pinned_ = is_pinned; }
  // A pinned row as the store has it, before anything else happens.
  void Seed(const std::string& key, V value) { recent_[key] = Row{std::move(value), /*dirty=*/false}; }

  // The row, or nullptr. Valid until it is edited, erased or published.
  const V* Find(const std::string& key) {
    if (const Row* row = InMemory(key, pending_)) return Pointer(*row);
    if (!loader_) return nullptr;
    auto value = loader_(key);
    if (!value) return nullptr;
    return &*pending_.emplace(key, Row{std::move(value), /*dirty=*/false}).first->second.value;
  }

  // The row to change; made when there is none.
  V& Edit(const std::string& key) {
    auto [it, is_new] = pending_.try_emplace(key);
    Row& row = it->second;
    if (is_new) {
      if (const Row* older = InMemory(key, recent_)) {
        row.value = older->value;
      } else if (loader_) {
        row.value = loader_(key);
      }
    }
    if (!row.value) row.value.emplace();
    row.dirty = true;
    return *row.value;
  }

  void Erase(const std::string& key) { pending_[key] = Row{std::nullopt, /*dirty=*/true}; }

  // The published row, as State::Read gives it. Waits for the store.
  std::optional<V> FindSynced(const std::string& key) const {
    if (const Row* row = InMemory(key, recent_)) return row->value;
    return Load(key);
  }
  // What the store has of a row that memory does not know.
  std::optional<V> Load(const std::string& key) const { return loader_ ? loader_(key) : std::nullopt; }
  // The published row without the store: nullptr when memory does not know, a Row without value when it is known to be deleted.
  const Row* FindCached(const std::string& key) const { return InMemory(key, recent_); }

  // Pending rows become visible.
  void Publish() {
    for (auto it = pending_.begin(); it != pending_.end();) {
      auto moved = recent_.insert(pending_.extract(it++));
      if (moved.inserted) continue;
      Row& row = moved.node.mapped();
      row.dirty = row.dirty || moved.position->second.dirty;
      moved.position->second = std::move(row);
    }
    pending_.clear();
  }

  // The recent generation becomes the previous one, and the previous one is handed out, to be let go where that stops nobody: its dirty rows
  // must be in the store by now.
  std::shared_ptr<const Rows> Turn() {
    auto oldest = std::exchange(previous_, std::make_shared<Rows>(std::move(recent_)));
    recent_ = Rows();
    if (!is_pinned_) return oldest;
    for (const auto& [key, row] : *previous_) {
      if (row.value && is_pinned_(key)) recent_.emplace(key, Row{row.value, /*dirty=*/false});
    }
    return oldest;
  }

  std::shared_ptr<const Rows> previous() const { return previous_; }
  const Rows& recent() const { return recent_; }

 private:
  const Row* InMemory(const std::string& key, const Rows& first) const {
    if (const auto it = first.find(key); it != first.end()) return &it->second;
    if (&first != &recent_) {
      if (const auto it = recent_.find(key); it != recent_.end()) return &it->second;
    }
    if (const auto it = previous_->find(key); it != previous_->end()) return &it->second;
    return nullptr;
  }
  static const V* Pointer(const Row& row) { return row.value ? &*row.value : nullptr; }

  Rows pending_, recent_;
  std::shared_ptr<Rows> previous_ = std::make_shared<Rows>();
  Loader loader_;
  bool (*is_pinned_)(std::string_view key) = nullptr;
};

}  // namespace redpoints
