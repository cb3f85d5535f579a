// Two ways to run a fuzzer. With clang (preset "fuzz") it is libFuzzer, which sees what the bytes reach:
//
//   entry_fuzz -max_total_time=60 CORPUS_DIRECTORY     seeds are written there
//
// With any compiler it is a plain mutator, which only keeps the fuzzers alive from build to build: entry_fuzz SECONDS. Both print the bytes
// that broke something, and end with an abort.
#include <filesystem>
#include <fstream>

#include "google/protobuf/stubs/logging.h"
#include "storage/merkle/sha256.h"
#include "tests/fuzz/fuzz.h"

#ifdef REDPOINTS_LIBFUZZER

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  google::protobuf::SetLogHandler(nullptr);  // a line for each broken text
  for (int i = 1; i < *argc; ++i) {
    const std::string directory = (*argv)[i];
    if (directory[0] == '-') continue;
    std::filesystem::create_directories(directory);
    for (const auto& seed : redpoints::fuzz::Seeds()) {
      std::ofstream(directory + "/seed-" + redpoints::Sha256Hex(seed).substr(0, 16), std::ios::binary) << seed;
    }
    break;
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  redpoints::fuzz::Look({reinterpret_cast<const char*>(data), size});
  return 0;
}

#else

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

std::string current;  // what is being looked at

extern "C" void TellAndDie(int signal_number) {
  std::fprintf(stderr, "broken by %zu bytes: ", current.size());
  for (const char c : current) std::fprintf(stderr, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
  std::fputc('\n', stderr);
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

std::string Mutated(std::string bytes, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random() % n); };
  static constexpr const char* kWords[] = {"0",       "-1", "9007199254740991", "9007199254740992", "99991231", "\"\"", "null", "[]", "{}",
                                           "\\u0000", "\n"};
  for (std::size_t i = 0, changes = 1 + below(3); i < changes; ++i) {
    const std::size_t at = below(bytes.size() + 1);
    switch (below(7)) {
      case 0: bytes.insert(at, 1, static_cast<char>(random())); break;
      case 1: bytes.erase(at, 1 + below(8)); break;
      case 2: bytes = bytes.substr(0, at); break;
      case 3: bytes.insert(at, kWords[below(std::size(kWords))]); break;
      case 4: bytes.insert(at, bytes.substr(below(bytes.size()), below(40))); break;
      case 5: {
        const std::string& other = seeds[below(seeds.size())];
        bytes = bytes.substr(0, at) + other.substr(std::min(other.size(), at));
        break;
      }
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  google::protobuf::SetLogHandler(nullptr);  // a line for each broken text
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) ::signal(number, TellAndDie);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 5);
  const auto seeds = redpoints::fuzz::Seeds();
  std::mt19937_64 random(std::random_device{}());
  long looks = 0;
  for (const auto& seed : seeds) redpoints::fuzz::Look(current = seed);
  for (; std::chrono::steady_clock::now() < end; ++looks) {
    current = Mutated(seeds[random() % seeds.size()], seeds, random);
    redpoints::fuzz::Look(current);
  }
  std::printf("%zu seeds, %ld looks\n", seeds.size(), looks);
}

#endif
