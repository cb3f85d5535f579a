// Writes generations of derived rows to the store beside the ledger thread. One owner calls it; the thread is its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/derived.h"
#include "storage/store/store.h"

namespace redpoints {

class Installer {
 public:
  // `store` is not owned and must outlive the installer. `on_failed` is called on the installer's thread.
  Installer(Store& store, std::function<void(const std::string& why)> on_failed);
  // Waits for what is under way.
  ~Installer();

  // Whether something is being written.
  bool is_busy() const { return is_busy_; }
  // Whether the last generations could not be written. They have to be, with Retry, before others: without its rows in the store a
  // generation can't leave memory. Not while busy.
  bool has_failed() const { return !left_.empty(); }
  // Why, while has_failed.
  const std::string& failure() const { return failure_; }

  // Writes `generations`, and first lets go of `oldest`, which takes a while, too. Not while busy, nor with failed ones left.
  void Start(std::vector<GenerationRows> generations, std::vector<std::shared_ptr<const void>> oldest);
  // Writes those again that failed. Not while busy.
  void Retry();
  // Until it is no longer busy.
  void Wait();
  // Of a program whose rows are not to be trusted any more: waits, and drops what failed of it.
  void Forget(const std::string& program);

 private:
  Store& store_;
  const std::function<void(const std::string& why)> on_failed_;
  std::atomic<bool> is_busy_ = false;
  std::vector<GenerationRows> left_;  // the thread's while busy, else the owner's
  std::string failure_;               // as left_
  std::thread thread_;
};

}  // namespace redpoints
