// Sends the rows of a file in chunks, so that a run which was cut short can be repeated: each chunk's request id follows from the
// one id that the user can give again, and a chunk that was carried out before is answered with its first results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "client/request_id.h"

namespace redpoints::cli {

// The row that a refusal is about, from "items[17].member" or "item" = "17" in its facts; -1 if it does not say.
inline std::size_t RowOf(const AnswerBase& answer) {
  if (answer.verdict() != Verdict::kRefused) return static_cast<std::size_t>(-1);
  for (const auto& [key, value] : answer.refused().refusal.facts) {
    const auto open = value.find('[');
    std::size_t row = 0;
    if (key == "item" && absl::SimpleAtoi(value, &row)) return row;
    if (key == "field" && open != std::string::npos && absl::SimpleAtoi(value.substr(open + 1, value.find(']') - open - 1), &row)) return row;
  }
  return static_cast<std::size_t>(-1);
}

// `call(rows, request_id)` sends one chunk; `keep(response)` takes its results and says how many they were. `job` names the ids;
// rows have a `line`. Progress goes to stderr. kDone when all chunks were carried out; otherwise it explains why and where it
// stopped.
template <class Row, class Call, class Keep>
ExitCode SendInChunks(Session& s, const std::string& job, const std::vector<Row>& rows, std::size_t chunk_size, const Call& call,
                      const Keep& keep) {
  const Text& t = s.t();
  const std::string seed = s.RequestId();
  s.Note(t("中断后可续: ", "to go on after a cut: ") + "--request-id " + seed);
  for (std::size_t begin = 0; begin < rows.size(); begin += chunk_size) {
    const auto chunk = std::span(rows).subspan(begin, std::min(chunk_size, rows.size() - begin));
    const auto answer = call(chunk, DerivedRequestId(seed, job + "/" + std::to_string(begin / chunk_size)));
    const std::size_t kept = answer.is_done() ? keep(answer.response()) : 0;
    if (kept != chunk.size()) {
      s.Note(t("停在文件行: ", "stopped at lines: ") + std::to_string(chunk.front().line) + "–" +
             std::to_string(chunk.back().line));
      if (const auto row = RowOf(answer); row < chunk.size()) {
        s.Note(t("出错的文件行: ", "the line in question: ") + std::to_string(chunk[row].line));
      }
      const ExitCode code = s.Explain(answer, seed);
      // Done, but the results were lost with the reply; or not sent, but earlier chunks were: repeating the whole tells.
      return code == ExitCode::kDone || (code == ExitCode::kNotSent && begin > 0) ? ExitCode::kUnknown : code;
    }
    s.Note(WithThousands(static_cast<std::int64_t>(begin + chunk.size())) + " / " +
           WithThousands(static_cast<std::int64_t>(rows.size())));
  }
  return ExitCode::kDone;
}

}  // namespace redpoints::cli
