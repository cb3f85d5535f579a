#include "server/read_pool.h"

#include <utility>

namespace redpoints::server {

ReadPool::ReadPool(int threads, std::size_t queue_max) : queue_max_(queue_max) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

ReadPool::~ReadPool() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool ReadPool::Post(std::function<void()> read) {
  {
    const MutexLock lock(mutex_);
    if (queue_.size() >= queue_max_ || is_stopping_) return false;
    queue_.push_back(std::move(read));
  }
  changed_.notify_one();
  return true;
}

void ReadPool::Loop() {
  for (;;) {
    std::function<void()> read;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !is_stopping_) changed_.wait(mutex_);
      if (queue_.empty()) return;
      read = std::move(queue_.front());
      queue_.pop_front();
    }
    read();
  }
}

}  // namespace redpoints::server
