#include "server/start_failure.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/rules/types.h"
#include "storage/start_failure.h"

namespace redpoints::server {
namespace {

std::string UserName(uid_t id) {
  const passwd* user = ::getpwuid(id);  // a start has one thread
  return user != nullptr ? user->pw_name : absl::StrCat("user ", id);
}

std::string OwnerAndMode(const struct stat& file) {
  return absl::StrFormat("owner %s, mode %04o", UserName(file.st_uid), static_cast<unsigned>(file.st_mode & 07777));
}

}  // namespace

const std::vector<StartFailure>& StartFailures() {
  static const auto* const rows = new std::vector<StartFailure>{
      {"CONFIG_UNREADABLE", "The configuration file can't be read.", "读不到配置文件。",
       "Correct the path after --config, or let the service's user read the file.", "核对 --config 后的路径,或让服务用户能读该文件。"},
      {"CONFIG_INVALID", "The configuration has mistakes; each is named with its line.", "配置有误,每处错误都写明了行号。",
       "Correct the lines that are named; server/config.proto lists every field.", "按提示的行改正;每个字段见 server/config.proto。"},
      {"DESCRIPTORS_TOO_FEW", "The process may open too few files to serve.", "允许打开的文件数太少,无法服务。",
       "Raise LimitNOFILE in the unit, or `ulimit -n`; 65536 is what the unit has.",
       "调高服务单元的 LimitNOFILE 或 `ulimit -n`;服务单元用 65536。"},
      {"LEDGER_IN_USE", "Another process has the ledger open.", "账本正被另一个进程打开。",
       "Stop the server first (`systemctl stop redpointsd`). For a backup it need not stop: `redpoints backup`.",
       "先停掉服务(`systemctl stop redpointsd`)。只是备份的不必停:用 `redpoints backup`。"},
      {"LEDGER_REFUSED", "A ledger does not open.", "账本打不开。", "Change nothing in its directory; go on at “Damage” in the runbook.",
       "不要改动账本目录;按运维手册“数据损坏”处理。"},
      {"KEY_FILE_MISSING", "The key file of the side state is not there.", "侧数据的密钥文件不存在。",
       "Put its copy back where `side_state.key_file` says; without it member numbers can't be read. If every copy is "
       "lost: “Lost key” in the runbook.",
       "把密钥文件的副本放回 `side_state.key_file` 处;没有它读不了会员号。所有副本都丢了,按运维手册“密钥丢失”处理。"},
      {"KEY_FILE_UNUSABLE", "The key file of the side state can't be used.", "侧数据的密钥文件无法使用。",
       "Give it to the service's user alone (`chown redpoints FILE`, `chmod 600 FILE`), or put its copy back if it is damaged.",
       "只给服务用户(`chown redpoints 文件`、`chmod 600 文件`);已损坏则放回副本。"},
      {"KEY_FILE_FOREIGN", "The key file is not the one of this ledger.", "密钥文件不是这个账本的。",
       "Look for the right one: the USB sticks, the old machine; put it and its side store back. An older key of this ledger that turned "
       "up, "
       "or the one of after the backup that was restored, is taken, its side store beside it, by `redpointsd rekey --adopt-key`. If every "
       "copy is lost, move this file away and go on at “Lost key” in the runbook.",
       "找对的那一份(U 盘、旧机器),连同它的侧数据库放回。它是这个账本找回的旧密钥,或所恢复的备份之后才换的密钥:连同它的侧数据库放好,运行 "
       "`redpointsd rekey --adopt-key`。所有副本都丢了,先移走这个文件,再按运维手册“密钥丢失”处理。"},
      {"SIDE_STORE_MISSING", "The side store is not there.", "侧数据库不存在。",
       "Correct `side_state.directory`, or copy `side` of the newest backup to it: members whose number is newer need another. Where no "
       "backup is left, `redpointsd rekey` makes an empty one: every member needs another number.",
       "核对 `side_state.directory`,或把最新备份里的 `side` 拷到该处(备份之后发的会员号需重新发放);"
       "没有备份的,`redpointsd rekey` 新建一个空的(所有会员号都要重新发放)。"},
      {"SIDE_STORE_FOREIGN", "The side store is another key file's, or another ledger's.", "侧数据库属于另一个密钥文件,或另一个账本。",
       "Put back the newest copy of the key file that belongs to it, or the side store that belongs to the key file. If every copy of the "
       "key file is lost, move this one away and go on at “Lost key” in the runbook.",
       "放回与它配套的密钥文件(最新的副本),或与密钥文件配套的侧数据库。密钥文件的副本全丢了,先移走现在这个,再按运维手册“密钥丢失”处理。"},
      {"SIDE_STORE_REFUSED", "The side store does not open.", "侧数据库打不开。",
       "The detail says why: give its files to the service's user (`chown -R redpoints DIRECTORY`, or `chmod`), stop the process that has "
       "it open, or use the newer program that wrote it.",
       "按提示处理:把文件交给服务用户(`chown -R redpoints 目录`,或 `chmod`),停掉占用它的进程,或换用写它的新版程序。"},
      {"SIDE_STORE_DAMAGED", "The side store is damaged.", "侧数据库已损坏。",
       "Move it away, keep it, and copy `side` of the newest backup to its place: members whose number is newer need another. Check the "
       "sums in the backup first (`sha256sum --check SHA256SUMS`): on the disk of the ledger it shares files, which may be damaged alike. "
       "Where no backup is left, `redpointsd rekey` makes an empty one: every member needs another number.",
       "移走并保留,再把最新备份里的 `side` 拷到原处(先在备份里核对 `sha256sum --check SHA256SUMS`:与账本同盘的备份共用文件,"
       "可能一起损坏;备份之后发的会员号需重新发放);没有备份的,`redpointsd rekey` 新建一个空的(所有会员号都要重新发放)。"},
      {"SIDE_STORE_CUT", "The side store has lost what was written to it last.", "侧数据库丢了最后写入的内容。",
       "Put its lost `*.log` file back. If it can't be found, make the file WRITES that the detail names empty (`truncate -s 0 FILE`), and "
       "start; `redpointsd check` names the members who need another number.",
       "把丢失的 `*.log` 文件放回原处。找不到就清空提示的 WRITES 文件(`truncate -s 0 文件`)再启动;`redpointsd check` 点名需要换号的会员。"},
      {"SIDE_STORE_UNMARKED", "The mark that tells whether the side store has lost something is gone or torn.",
       "侧数据库的写入标记没了或坏了,看不出最后写入的内容是否还在。",
       "Put the file WRITES back, and a `*.log` file, if any was moved. Else `redpointsd check` names the members whose number is lost; "
       "then make an empty one, `install -m 600 -o redpoints -g redpoints /dev/null FILE`, and start.",
       "移走过 WRITES 或 `*.log` 文件就放回。否则先 `redpointsd check`,它点名丢了会员号的会员;再建一个空的,"
       "`install -m 600 -o redpoints -g redpoints /dev/null 文件`,然后启动。"},
      {"TLS_FILE_MISSING", "A certificate, key or authority of the configuration is not there.", "配置里的证书、私钥或 CA 文件不存在。",
       "Correct the path in `tls`, or put the file there.", "核对 `tls` 里的路径,或放好文件。"},
      {"TLS_FILE_UNREADABLE", "A certificate, key or authority can't be read.", "证书、私钥或 CA 文件读不了。",
       "Give the file to the service's user: `chown redpoints FILE`, keys with `chmod 600`.",
       "把文件交给服务用户: `chown redpoints 文件`,私钥再 `chmod 600`。"},
      {"TLS_FILE_INVALID", "A certificate, key or authority is no PEM of its kind.", "证书、私钥或 CA 文件内容不是相应的 PEM。",
       "Look whether two files were swapped or one was cut; copy it again or issue a new one.", "检查是否放错或残缺;重新拷贝或重新签发。"},
      {"TLS_KEY_MISMATCH", "The server's key is not that of its certificate.", "服务器私钥与证书不是一对。",
       "Put certificate and key of the same issue there; never mix old and new.", "换上同一次签发的证书和私钥,不要新旧混用。"},
      {"PORT_IN_USE", "Another process listens on that address.", "该地址已被别的进程监听。",
       "Find it with `ss -ltnp`, stop it, or change `listen`.", "用 `ss -ltnp` 找到它并停掉,或改 `listen`。"},
      {"ADDRESS_NOT_OURS", "This machine does not have that address.", "本机没有这个地址。",
       "Compare with `ip addr`; correct `listen`, or wait for the network.", "对照 `ip addr` 改正 `listen`,或等网络就绪。"},
      {"PORT_NOT_ALLOWED", "The service's user may not listen on that port.", "服务用户不能监听该端口。",
       "Use a port from 1024 on in `listen`.", "`listen` 改用 1024 以上的端口。"},
      {"LISTEN_FAILED", "The system refuses to listen there.", "系统拒绝监听该地址。",
       "The detail is the system's word: correct `listen`, or switch IPv6 on.", "按提示改正 `listen`,或启用 IPv6。"},
      {"TLS_REFUSED", "The TLS library does not take certificate, key or authority.", "TLS 库不接受证书、私钥或 CA。",
       "Issue them anew with ECDSA P-256, or RSA of 2048 bits or more.", "用 ECDSA P-256 或 2048 位以上 RSA 重新签发。"},
      {"PORT_FILE_UNWRITABLE", "The file of `port_file` can't be written.", "`port_file` 写不了。",
       "Let the service's user write that directory, or drop `port_file`.", "让服务用户能写该目录,或去掉 `port_file`。"},
      {"PROGRAM_ID_INVALID", "That is no id of a program.", "积分计划代码不合格。",
       "Use 1 to 32 of a-z 0-9 -, a letter first, and not `system`.", "用 1 到 32 个 a-z 0-9 -,字母开头,不能是 `system`。"},
      {"DIRECTORY_TAKEN", "There is a server in that directory already.", "该目录里已有服务器。",
       "Choose another directory; `init` never overwrites.", "换一个目录;`init` 从不覆盖。"},
      {"DIRECTORY_UNWRITABLE", "A file or directory can't be made there.", "无法在该处建立文件或目录。",
       "Correct the path, make room, or run as the owner of the directory.", "核对路径、腾出空间,或以目录所有者运行。"},
      {"AUTHORITY_UNUSABLE", "The authority's certificate and key can't be used.", "CA 证书和私钥无法使用。",
       "Run `issue` where both are kept, as the user who may read them.", "在保管 CA 的电脑上,以能读两者的用户运行 `issue`。"},
      {"CALLER_NAME_INVALID", "That is not the name of a terminal, staff person or member.", "不是终端、人员或会员的名称。",
       "Copy the name that registering printed: `programs/…`.", "使用登记时给出的名称: `programs/…`。"},
      {"CERTIFICATE_TAKEN", "A certificate or key of that file name is there.", "同名证书或私钥已存在。",
       "Choose another `--file`; nothing is overwritten.", "换一个 `--file`;不会覆盖。"},
      {"PROGRAM_ABSENT", "These shards hold no such program.", "这些分片里没有该积分计划。",
       "Correct `--program`, or the configuration's `shard`.", "核对 `--program` 或配置的 `shard`。"},
      {"LEDGER_DIFFERS", "An entry of the ledger breaks a rule, or something that it names is missing or altered.",
       "账本有一条不合规则,或它所指的内容缺失、被改。", "Keep the directory; go on at “Damage” in the runbook.",
       "保留目录;按运维手册“数据损坏”处理。"},
      {"DERIVED_DAMAGED", "The derived rows are damaged, or are not what the ledger adds up to.", "推导表损坏,或与账本不符。",
       "While the server is stopped, move the directory that the detail names away: it is a cache, and the next start makes it again. Look "
       "at the disk.",
       "停机时移走提示的目录:它只是缓存,下次启动按账本重建。检查磁盘。"},
      {"BACKUP_TAKEN", "There is something where the backup shall go.", "备份目标已存在。",
       "Choose a directory that is not there yet. One without SHA256SUMS is no backup: remove it.",
       "换一个尚不存在的目录。没有 SHA256SUMS 的不是备份,可以删除。"},
      {"BACKUP_DAMAGED", "The backup is not what was written: its sums differ.", "备份与写入时不同,校验和不符。",
       "Copy it again from where it is whole, or take the one before.", "从完好处重新拷贝,或用更早的备份。"},
      {"BACKUP_OF_OTHER_SHARDS", "The backup has other shards than the configuration.", "备份的分片与配置不一致。",
       "Use the configuration of the server that was backed up.", "使用被备份服务器的配置。"},
      {"RESTORE_TARGET_TAKEN", "A ledger is where the backup shall go.", "恢复目标处已有账本。",
       "Move it away, and keep it; `restore` never overwrites, not even what an interrupted one put there.",
       "先移走并保留;`restore` 从不覆盖,中断的恢复留下的也一样。"},
      {"RESTORE_FAILED", "The backup could not be copied to its place.", "备份没能拷到位。",
       "Make room, correct the owner or the clock, then restore again; what is half done is replaced.",
       "腾出空间,或改正属主、时钟后重来;做了一半的会被替换。"},
      {"RECOVER_TARGET_TAKEN", "There is something where the new shard shall go.", "新目录已存在。",
       "Choose a directory that is not there yet; `recover` never overwrites.", "换一个尚不存在的目录;`recover` 从不覆盖。"},
      {"RECOVER_FAILED", "Nothing could be saved, or it could not be written.", "没能救出,或没能写下。",
       "The detail says why: correct --from, --to, --blob or the clock, or make room for three copies; else restore the last backup.",
       "按提示改正 --from、--to、--blob 或时钟,或腾出三份账本的空间;不行就从最近的备份恢复。"},
      {"REKEY_FAILED", "The new key could not be put to use.", "新密钥没能启用。",
       "Do what the detail says: make room, correct the owner or the clock, or move away what is in the way. Then run it again; "
       "what is done is kept.",
       "按提示处理:腾出空间、改正属主或时钟,或移走占着位置的东西。再运行一次;已做的不会重做。"},
  };
  return *rows;
}

absl::Status StartRefused(std::string_view id, std::string_view detail) {
  auto status = WithStartFailure(absl::FailedPreconditionError(std::string(detail)), id);
  RP_CHECK(StartFailureOf(status) != nullptr);
  return status;
}

std::string_view LedgerFailure(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? "DESCRIPTORS_TOO_FEW" : "LEDGER_REFUSED";
}

const StartFailure* StartFailureOf(const absl::Status& status) {
  const std::string id = StartFailureId(status);
  const auto& rows = StartFailures();
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const StartFailure& each) { return each.id == id; });
  return row == rows.end() ? nullptr : &*row;
}

std::string StartFailureText(const absl::Status& status) {
  const std::string detail(status.message());
  const StartFailure* row = StartFailureOf(status);
  if (row == nullptr) return detail;
  return absl::StrCat(row->id, ": ", detail, "\n  ", row->en, " ", row->do_en, "\n  ", row->zh_cn, row->do_zh_cn);
}

std::string FileProblem(const std::string& path, int error) {
  const std::string problem = absl::StrCat(path, ": ", std::strerror(error));
  if (error != EACCES && error != EPERM) return problem;
  const std::string us = absl::StrCat("this program runs as ", UserName(::geteuid()));
  struct stat file;
  if (::stat(path.c_str(), &file) == 0) return absl::StrCat(problem, " (", OwnerAndMode(file), "; ", us, ")");
  // A directory above it is closed to us: the one that can be seen and not be entered.
  std::filesystem::path directory = std::filesystem::path(path).parent_path();
  while (directory.has_relative_path() && ::stat(directory.c_str(), &file) != 0) directory = directory.parent_path();
  if (::stat(directory.c_str(), &file) != 0) return absl::StrCat(problem, " (", us, ")");
  return absl::StrCat(problem, " (", directory.string(), ": ", OwnerAndMode(file), "; ", us, ")");
}

absl::StatusOr<std::string> ReadStartFile(const std::string& path, std::string_view missing, std::string_view unreadable) {
  // A directory opens, and throws when it is read.
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return StartRefused(unreadable, FileProblem(path, EISDIR));
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int error = errno;
    return StartRefused(error == ENOENT || error == ENOTDIR ? missing : unreadable, FileProblem(path, error));
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace redpoints::server
