#include "storage/log/ends.h"

namespace redpoints {

std::int64_t Ends::Of(const std::string& program) const {
  const MutexLock lock(mutex_);
  const auto it = ends_.find(program);
  return it == ends_.end() ? 0 : it->second;
}

std::vector<std::string> Ends::Programs() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> programs;
  for (const auto& [program, end] : ends_) programs.push_back(program);
  return programs;
}

std::optional<std::map<std::string, std::int64_t>> Ends::After(const CommitBatch& batch) const {
  std::map<std::string, std::int64_t> after;
  for (const auto& append : batch.appends) {
    const auto [end, is_first] = after.try_emplace(append.program);
    if (is_first) end->second = Of(append.program);
    if (append.expected_end != end->second || append.entries <= 0) return std::nullopt;
    end->second += append.entries;
  }
  return after;
}

void Ends::Set(const std::map<std::string, std::int64_t>& ends) {
  {
    const MutexLock lock(mutex_);
    for (const auto& [program, end] : ends) ends_[program] = end;
  }
  changed_.notify_all();
}

bool Ends::Wait(const std::string& program, std::int64_t sequence, Log::Deadline deadline) const {
  MutexLock lock(mutex_);
  const auto end = [&] {
    const auto it = ends_.find(program);
    return it == ends_.end() ? 0 : it->second;
  };
  while (end() <= sequence) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  return end() > sequence;
}

}  // namespace redpoints
