// Writes generations of derived rows to the store beside the ledger thread. One owner calls it; the thread is its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/derived.h"
#include "storage/store.h"

namespace redpoints {

class Installer {
 public:
  // `store` is not owned and must outlive the installer. `on_failed` is called on the installer's thread.
  Installer(Store& store, std::function<void(const std::string& why)> on_failed);
  // Waits for what is under way.
  ~Installer();

  // Of the owner that TakeOver made.
  void set_fence(std::uint64_t fence) { fence_ = fence; }

  // Whether something is being written.
  bool is_busy() const { return is_busy_; }
  // Whether the last generations could not be written. They have to be, with Retry, before others: without its rows in the store a
  // generation can't leave memory. Not while busy.
  bool has_failed() const { return !left_.empty(); }

  // Writes `generations`, and first lets go of `oldest`, which takes a while, too. Not while busy, nor with failed ones left.
  void Start(std::vector<GenerationRows> generations, std::vector<std::shared_ptr<const void>> oldest);
  // Writes those again that failed. Not while busy.
  void Retry();
  // Until it is no longer busy.
  void Wait();

 private:
  Store& store_;
  const std::function<void(const std::string& why)> on_failed_;
  std::uint64_t fence_ = 0;
  std::atomic<bool> is_busy_ = false;
  std::vector<GenerationRows> left_;  // the thread's while busy, else the owner's
  std::thread thread_;
};

}  // namespace redpoints
