#include "storage/installer.h"

#include <utility>

namespace redpoints {

Installer::Installer(Store& store, std::function<void(const std::string& why)> on_failed)
    : store_(store), on_failed_(std::move(on_failed)) {}

Installer::~Installer() { Wait(); }

void Installer::Wait() {
  if (thread_.joinable()) thread_.join();
}

void Installer::Forget(const std::string& program) {
  Wait();
  std::erase_if(left_, [&](const GenerationRows& generation) { return generation.program() == program; });
}

void Installer::Retry() { Start(std::exchange(left_, {}), {}); }

void Installer::Start(std::vector<GenerationRows> generations, std::vector<std::shared_ptr<const void>> oldest) {
  Wait();
  is_busy_ = true;
  thread_ = std::thread([this, generations = std::move(generations), oldest = std::move(oldest)]() mutable {
    oldest.clear();
    for (const auto& generation : generations) {
      if (auto status = store_.Install(generation.Rows()); !status.ok()) {
        failure_ = std::string(status.message());
        on_failed_(failure_);
        left_ = std::move(generations);
        break;
      }
    }
    is_busy_ = false;
  });
}

}  // namespace redpoints
