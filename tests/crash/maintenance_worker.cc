// backup, restore, recover, rekey or check as redpointsd does them, with a file system that fails at its n-th step:
//
//   maintenance_worker HOW N COMMAND CONFIG FROM TO
//
// And COMMAND "list": a file in TO that nobody has synced, as a copy can be, and the sums of TO.
//
// HOW: "none"; "kill", the process ends before the step; "cut", it ends and what is not synced is gone, as when the power goes; "full", from
// the step on nothing more fits on the disk; "few", from the step on no file opens, for lack of descriptors; "read", from the step on files
// below FROM can't be read at their beginning. A step is a call that changes the file system, or, of "few" and "read", one that reads it.
// Exits with 99 when it is killed, else as redpointsd. At its end it says on standard error how many steps there were.
//
// What the program and its libraries (RocksDB, the standard library) call comes here first: symbols of the executable win.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "server/config.h"
#include "server/maintenance.h"
#include "server/rekey.h"
#include "server/start_failure.h"
#include "storage/backup.h"

namespace {

namespace fs = std::filesystem;

enum class How { kNone, kKill, kCut, kFull, kFew, kRead };

// Never destroyed: threads of RocksDB outlive main.
struct Faults {
  std::atomic<How> how = How::kNone;
  std::atomic<long> steps = 0;
  long at = 0;
  std::string root;        // of everything that the command writes
  std::string unreadable;  // as FROM
  std::mutex mutex;
  std::set<ino_t> before;         // files that were there
  std::map<ino_t, off_t> synced;  // how much of those made since
};
Faults& faults() {
  static auto* const the = new Faults;
  return *the;
}

template <class F> F Next(const char* name) { return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name)); }

// What was written and not synced is gone.
void CutPower() {
  Faults& f = faults();
  std::error_code error;
  const std::lock_guard lock(f.mutex);
  for (fs::recursive_directory_iterator file(f.root, error), end; !error && file != end; file.increment(error)) {
    struct stat info {};
    if (::stat(file->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode) || f.before.contains(info.st_ino)) continue;
    const auto synced = f.synced.find(info.st_ino);
    const off_t kept = synced == f.synced.end() ? 0 : synced->second;
    if (info.st_size > kept && ::truncate(file->path().c_str(), kept) != 0) std::abort();
  }
}

// Whether this step must fail.
bool Step(bool is_change) {
  Faults& f = faults();
  const How how = f.how;
  if (how == How::kNone || is_change == (how == How::kFew || how == How::kRead)) return false;
  if (f.steps.fetch_add(1) < f.at) return false;
  if (how == How::kCut) CutPower();
  if (how == How::kKill || how == How::kCut) ::_exit(99);
  return true;
}
bool Write() { return faults().how == How::kFull && Step(/*is_change=*/true); }
bool Change() { return Step(/*is_change=*/true); }
int NoRoom() {
  errno = ENOSPC;
  return -1;
}

void NoteSynced(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return;
  const std::lock_guard lock(faults().mutex);
  faults().synced[info.st_ino] = info.st_size;
}

int Open(const char* name, const char* path, int flags, mode_t mode) {
  const bool is_made = (flags & O_CREAT) != 0 && ::access(path, F_OK) != 0;
  if (is_made && Change()) return NoRoom();
  if (faults().how == How::kFew && Step(/*is_change=*/false)) {
    errno = EMFILE;
    return -1;
  }
  return Next<int (*)(const char*, int, ...)>(name)(path, flags, mode);
}

ssize_t Pread(const char* name, int fd, void* buffer, std::size_t size, off_t at) {
  if (faults().how == How::kRead && at < 4096) {
    char path[4096];
    const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    if (length > 0 && std::string_view(path, static_cast<std::size_t>(length)).starts_with(faults().unreadable) && Step(false)) {
      errno = EIO;
      return -1;
    }
  }
  return Next<ssize_t (*)(int, void*, std::size_t, off_t)>(name)(fd, buffer, size, at);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return Open("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return Open("open64", path, flags, mode);
}
FILE* fopen(const char* path, const char* mode) {
  if (std::strpbrk(mode, "wa") != nullptr && ::access(path, F_OK) != 0 && Change()) return NoRoom(), nullptr;
  if (faults().how == How::kFew && Step(false)) return errno = EMFILE, nullptr;
  return Next<FILE* (*)(const char*, const char*)>("fopen")(path, mode);
}
FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }
ssize_t write(int fd, const void* bytes, std::size_t size) {
  return fd > 2 && Write() ? NoRoom() : Next<ssize_t (*)(int, const void*, std::size_t)>("write")(fd, bytes, size);
}
ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t at) {
  return Write() ? NoRoom() : Next<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite")(fd, bytes, size, at);
}
ssize_t pread(int fd, void* buffer, std::size_t size, off_t at) { return Pread("pread", fd, buffer, size, at); }
ssize_t pread64(int fd, void* buffer, std::size_t size, off_t at) { return Pread("pread64", fd, buffer, size, at); }
ssize_t sendfile(int out, int in, off_t* at, std::size_t size) {
  return Write() ? NoRoom() : Next<ssize_t (*)(int, int, off_t*, std::size_t)>("sendfile")(out, in, at, size);
}
int fsync(int fd) {
  if (Change()) return NoRoom();
  const int result = Next<int (*)(int)>("fsync")(fd);
  NoteSynced(fd);
  return result;
}
int fdatasync(int fd) {
  if (Change()) return NoRoom();
  const int result = Next<int (*)(int)>("fdatasync")(fd);
  NoteSynced(fd);
  return result;
}
// These need no room.
int rename(const char* from, const char* to) {
  if (faults().how != How::kFull) Change();
  return Next<int (*)(const char*, const char*)>("rename")(from, to);
}
int link(const char* from, const char* to) { return Change() ? NoRoom() : Next<int (*)(const char*, const char*)>("link")(from, to); }
int unlink(const char* path) {
  if (faults().how != How::kFull) Change();
  return Next<int (*)(const char*)>("unlink")(path);
}
int mkdir(const char* path, mode_t mode) { return Change() ? NoRoom() : Next<int (*)(const char*, mode_t)>("mkdir")(path, mode); }
}

namespace redpoints::server {
namespace {

absl::Status List(const std::string& directory) {
  fs::create_directories(directory);
  std::ofstream(directory + "/000001.sst") << std::string(10'000, 'x');
  return WriteSums(directory);
}

int Main(char** argv) {
  const std::string how = argv[1], command = argv[3], from = argv[5], to = argv[6];
  Faults& f = faults();
  f.at = std::strtol(argv[2], nullptr, 10);
  f.unreadable = from;
  f.root = fs::path(argv[4]).parent_path();
  for (const auto& file : fs::recursive_directory_iterator(f.root)) {
    struct stat info {};
    if (::stat(file.path().c_str(), &info) == 0) f.before.insert(info.st_ino);
  }
  auto config = LoadConfig(argv[4]);
  if (!config.ok()) return 2;
  f.how = how == "kill"   ? How::kKill
          : how == "cut"  ? How::kCut
          : how == "full" ? How::kFull
          : how == "few"  ? How::kFew
          : how == "read" ? How::kRead
                          : How::kNone;
  const absl::Status status = command == "backup"    ? BackupShards(*config, to)
                              : command == "restore" ? RestoreShards(*config, from)
                              : command == "recover" ? RecoverShard(from, to)
                              : command == "list"    ? List(to)
                              : command == "rekey"   ? Rekey(*config, Clock::System(), /*adopts_key=*/false)
                                                     : CheckShards(*config, "");
  f.how = How::kNone;
  std::fprintf(stderr, "steps %ld\n", f.steps.load());
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", StartFailureText(status).c_str());
  return 1;
}

}  // namespace
}  // namespace redpoints::server

int main(int argc, char** argv) { return argc == 7 ? redpoints::server::Main(argv) : 2; }
