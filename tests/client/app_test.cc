// The whole command line, from arguments to exit code, against a scripted server.
#include "client/cli/app.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "client/cli/derived_request_id.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "redpoints/v1/account_service.pb.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/journal_service.pb.h"
#include "redpoints/v1/redemption_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"
#include "tests/client/fake_server.h"
#include "tests/client/fake_timing.h"

namespace redpoints::cli {
namespace {

constexpr char kSeed[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

class AppTest : public testing::Test {
 protected:
  AppTest() {
    std::filesystem::create_directories(directory_);
    environment_ = {
        {"REDPOINTS_SERVER", server_.address()}, {"REDPOINTS_PLAINTEXT", "true"}, {"REDPOINTS_PROGRAM", "minyue"}, {"LANG", "en_US.UTF-8"}};
  }
  ~AppTest() override { std::filesystem::remove_all(directory_); }

  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return cli::Run(arguments, {.environment = [this](const std::string& name) -> std::optional<std::string> {
                                  const auto found = environment_.find(name);
                                  return found == environment_.end() ? std::nullopt : std::optional(found->second);
                                },
                                .out = out_,
                                .err = err_,
                                .is_err_terminal = is_err_terminal_,
                                .timing = timing_.Get()});
  }

  template <class Request> Request Last(const std::string& method) {
    const auto calls = server_.Calls(method);
    return calls.empty() ? Request() : calls.back().As<Request>();
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  std::string Bytes(const std::string& name) {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  bool OutHas(const std::string& text) { return out_.str().find(text) != std::string::npos; }
  bool ErrHas(const std::string& text) { return err_.str().find(text) != std::string::npos; }

  FakeServer server_;
  FakeTiming timing_;
  std::map<std::string, std::string> environment_;
  std::ostringstream out_;
  std::ostringstream err_;
  bool is_err_terminal_ = false;
  const std::string directory_ = testing::TempDir() + "/redpoints_app_" + std::to_string(getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name();
};

template <class Response> FakeReply Done() {
  Response response;
  response.mutable_outcome()->set_state(v1::DONE);
  return Send(response);
}

TEST_F(AppTest, RedeemSendsTheSaleAndExits0) {
  v1::RedeemResponse response;
  response.mutable_outcome()->set_state(v1::DONE);
  response.set_redemption("programs/minyue/redemptions/42");
  server_.Script("Redeem", {Send(response)});
  EXPECT_EQ(Run({"redeem", "--member", "12345678", "--line", "RICE:1:200", "--line", "OIL:2:300:50", "--clerk", "c1", "--till-number", "T9",
                 "--request-id", kSeed}),
            0);
  EXPECT_TRUE(OutHas("programs/minyue/redemptions/42"));
  const auto request = Last<v1::RedeemRequest>("Redeem");
  EXPECT_EQ(request.program(), "programs/minyue");
  EXPECT_EQ(request.request_id(), kSeed);
  EXPECT_EQ(request.presentation().member_number(), "12345678");
  ASSERT_EQ(request.offer_lines_size(), 2);
  EXPECT_EQ(request.offer_lines(1).cash_fen(), 50);
  EXPECT_EQ(request.clerk(), "c1");
  EXPECT_EQ(request.till_number(), "T9");
}

TEST_F(AppTest, WrongUsageExits1AndSendsNothing) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"nonsense"},
                                                       {"redeem"},
                                                       {"redeem", "--member", "1", "--line", "RICE"},
                                                       {"redeem", "--member", "1", "--line", "A:1:1", "--request-id", "no-uuid"},
                                                       {"refund", "42", "--points", "-1"},
                                                       {"refund", "42", "--points", "1.5"},
                                                       {"balance", "1", "--as-of", "yesterday"},
                                                       {"list", "dogs"},
                                                       {"--output", "xml", "journal"},
                                                       {"--timeout-ms", "0", "journal"},
                                                       {"--server", "example.org:1", "journal"},  // plaintext beyond loopback
                                                       {"award-batch", "/nonexistent"},
                                                       {"--timeout-ms", "30001", "journal"},
                                                       {"entry", "abc"},
                                                       {"capture", "redemptions/7"},
                                                       {"reverse", "7"},
                                                       {"outcome", "7"},
                                                       {"export", "--resume"},
                                                       {"completion", "tcsh"}};
  for (const auto& arguments : wrong) EXPECT_EQ(Run(arguments), 1) << testing::PrintToString(arguments) << err_.str();
  environment_.erase("REDPOINTS_PROGRAM");
  EXPECT_EQ(Run({"journal"}), 1);
  environment_.erase("REDPOINTS_SERVER");
  EXPECT_EQ(Run({"--program", "p", "journal"}), 1);
  for (const char* method : {"Redeem", "Refund", "GetBalance", "GetJournal", "AwardBatch"}) EXPECT_TRUE(server_.Calls(method).empty());
}

TEST_F(AppTest, WrongUsageIsToldInTheReadersLanguage) {
  struct Case {
    std::vector<std::string> arguments;
    std::string zh, en, see;
  };
  const std::string toml = Write("typo.toml", "programme = \"p\"\n");
  for (const auto& [arguments, zh, en, see] : std::vector<Case>{
           {{}, "缺少子命令", "a command is missing", "redpoints"},
           {{"nonsense"}, "无法识别: nonsense", "not understood: nonsense", "redpoints"},
           {{"member"}, "缺少子命令", "a command is missing", "redpoints member"},
           {{"redeem"}, "缺少 --member", "missing: --member", "redpoints redeem"},
           {{"redeem", "--menber", "1"}, "无法识别: --menber 1", "not understood: --menber 1", "redpoints redeem"},
           {{"redeem", "--member"}, "--member: 缺少值", "--member: the value is missing", "redpoints redeem"},
           {{"journal", "extra"}, "无法识别: extra", "not understood: extra", "redpoints journal"},
           {{"refund", "4", "--points", "x"},
            "--points: “x”应为不小于 1 的整数",
            "--points: \"x\" should be an integer of at least 1",
            "redpoints refund"},
           {{"journal", "--timeout-ms", "60000"},
            "--timeout-ms: “60000”应为 1 到 30000 的整数",
            "--timeout-ms: \"60000\" should be an integer of 1 to 30000",
            "redpoints journal"},
           // (true is what the environment says.)
           {{"journal", "--plaintext=maybe"},
            "无法识别的值: --plaintext = true,maybe",
            "not a value of its kind: --plaintext = true,maybe",
            "redpoints journal"},
           {{"journal", "--config", "absent"}, "无法读取文件: absent", "cannot read the file: absent", "redpoints journal"},
           {{"journal", "--config", toml}, "配置文件有误: programme", "in the configuration file: programme", "redpoints journal"},
           {{"node", "set", "a", "--kind", "x"},
            "--kind: “x”不在可选值之内: place, branch",
            "--kind: \"x\" is none of place, branch",
            "redpoints node set"},
           {{"--output", "xml", "journal"},
            "--output: “xml”不在可选值之内: table, json",
            "--output: \"xml\" is none of table, json",
            "redpoints journal"},
           {{"entry", "abc"},
            "entry: “abc”应为序号或名称,如 42 或 entries/42",
            "entry: \"abc\" should be a sequence or name such as 42 or entries/42",
            "redpoints entry"},
           // The day of the watch, though UTC is a day behind; neither it nor one that is long over.
           {{"clock", "confirm", "--time", "2026-11-26 07:59", "--set-back-to", "2026-11-24"},
            "--set-back-to: “2026-11-24”应为 2026-11-25,即 --time 的前一天",
            "--set-back-to: \"2026-11-24\" should be 2026-11-25, the day before --time",
            "redpoints clock confirm"},
           {{"clock", "confirm", "--time", "2026-12-01 00:00", "--set-back-to", "20261201"},
            "--set-back-to: “20261201”应为 2026-11-30,即 --time 的前一天",
            "--set-back-to: \"20261201\" should be 2026-11-30, the day before --time",
            "redpoints clock confirm"},
       }) {
    environment_["REDPOINTS_LANG"] = "zh";
    EXPECT_EQ(Run(arguments), 1);
    EXPECT_EQ(err_.str(), "用法有误: " + zh + "\n查看用法: " + see + " --help\n");
    environment_["REDPOINTS_LANG"] = "en";
    EXPECT_EQ(Run(arguments), 1);
    EXPECT_EQ(err_.str(), "usage: " + en + "\nsee " + see + " --help\n");
  }
}

TEST_F(AppTest, ARefusalExits2WithItsSentenceInEitherLanguage) {
  server_.Script("Redeem", {Refuse({.reason = Reason::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}})});
  EXPECT_EQ(Run({"redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(),
            "refused: Insufficient points; check the number, fewer points, or another tender. [INSUFFICIENT_POINTS short_by=30]\n");
  EXPECT_EQ(Run({"--lang", "zh", "redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_EQ(err_.str(), "拒绝: 积分不足或会员号有误(还差 30)。请核对会员号,减少积分或改用现金。 [INSUFFICIENT_POINTS]\n");
}

TEST_F(AppTest, ARefusedFieldIsNamedBeforeWhatItShouldBe) {
  server_.Script(
      "Redeem",
      {Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"day", "20240314"}, {"expected", "a-z 0-9 -"}, {"field", "item.case"}}})});
  EXPECT_EQ(Run({"--lang", "zh", "redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_TRUE(ErrHas("(字段 item.case; 应为 小写字母、数字、-; 业务日 20240314)")) << err_.str();
  EXPECT_EQ(Run({"redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_TRUE(ErrHas("[FIELD_INVALID field=item.case expected=a-z 0-9 - day=20240314]")) << err_.str();
}

// In the answer, in a recorded refusal, in what a batch came to; and never in what a script reads.
TEST_F(AppTest, PointsAreShownWithTheirDecimals) {
  v1::QuoteResponse quote;
  quote.set_points(150), quote.set_points_decimals(2);
  server_.Script("Quote", {Send(quote)});
  EXPECT_EQ(Run({"quote", "--line", "RICE:1:150"}), 0);
  EXPECT_EQ(out_.str(), "points  1.50\n");
  EXPECT_EQ(Run({"--output", "json", "quote", "--line", "RICE:1:150"}), 0);
  EXPECT_EQ(out_.str(), "{\"points\":\"150\",\"points_decimals\":2}\n");
  v1::GetOutcomeResponse refused;
  refused.mutable_outcome()->set_state(v1::REFUSED);
  refused.mutable_outcome()->set_points_decimals(1);
  refused.mutable_outcome()->mutable_refusal()->set_reason("INSUFFICIENT_POINTS");
  (*refused.mutable_outcome()->mutable_refusal()->mutable_facts())["short_by"] = "30";
  server_.Script("GetOutcome", {Send(refused)});
  EXPECT_EQ(Run({"outcome", kSeed}), 2);
  EXPECT_TRUE(ErrHas("[INSUFFICIENT_POINTS short_by=3.0]")) << err_.str();
}

TEST_F(AppTest, AnInputThatIsNoFileIsSaidToBe) {
  for (const auto& path : {directory_, std::string(5'000, 'x'), Path("absent"), std::string("/dev/null/x")}) {
    EXPECT_EQ(Run({"award-batch", path}), 1);
    EXPECT_TRUE(ErrHas("cannot read the file")) << err_.str();
    EXPECT_EQ(Run({"rulebook", "adopt", path}), 1);
    EXPECT_EQ(Run({"member", "import", path}), 1);
    EXPECT_EQ(Run({"--config", path, "journal"}), 1);
    EXPECT_EQ(Run({"export", "--output", Path("new"), "--resume", "--after", "x"}), 1);
  }
  EXPECT_EQ(Run({"export", "--resume", "--output", directory_}), 1);
}

TEST_F(AppTest, NoConnectionExits3) {
  std::string address;
  {
    const FakeServer gone;
    address = gone.address();
  }
  EXPECT_EQ(Run({"--server", address, "--timeout-ms", "100", "donate", "--member", "12345678", "--points", "5"}), 3);
}

TEST_F(AppTest, AnUnknownOutcomeExits4AndSaysHowToRepeat) {
  server_.Script("Refund", {Fail(4)});
  server_.Script("GetOutcome", {Fail(4)});
  EXPECT_EQ(Run({"refund", "42", "--points", "5", "--clerk", "c", "--request-id", kSeed}), 4);
  EXPECT_TRUE(ErrHas(std::string("--request-id ") + kSeed));
}

TEST_F(AppTest, AFreshRequestIdIsToldBeforeItIsSent) {
  std::string told;
  server_.On("Donate", [&](const FakeCall& call) {
    told = err_.str();
    EXPECT_NE(told.find(call.As<v1::DonateRequest>().request_id()), std::string::npos) << told;
    return Done<v1::DonateResponse>();
  });
  is_err_terminal_ = true;
  const std::vector<std::string> donate = {"--output", "json", "donate", "--member", "12345678", "--points", "5"};
  EXPECT_EQ(Run(donate), 0);
  EXPECT_EQ(told.substr(0, 12), "request id, ");
  EXPECT_EQ(out_.str()[0], '{');
  is_err_terminal_ = false;
  server_.Script("Donate", {Done<v1::DonateResponse>()});
  EXPECT_EQ(Run(donate), 0);
  EXPECT_EQ(err_.str(), "");
  is_err_terminal_ = true;
  auto again = donate;
  again.insert(again.end(), {"--request-id", kSeed});
  EXPECT_EQ(Run(again), 0);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(AppTest, AnyOtherFailureExits5) { EXPECT_EQ(Run({"journal"}), 5); }

TEST_F(AppTest, HelpNamesTheExitCodesInEitherLanguage) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_TRUE(OutHas("4  outcome unknown"));
  environment_["LANG"] = "zh_CN.UTF-8";
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_TRUE(OutHas("4  结果未知"));
}

TEST_F(AppTest, TheLanguageComesFromTheFirstThatNamesOne) {
  const auto pick = [this](const std::vector<std::string>& arguments) {
    return PickLanguage(arguments, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    });
  };
  environment_ = {{"LANG", "C"}};
  EXPECT_EQ(pick({}), Language::kZh);
  environment_ = {{"LANG", "en_US.UTF-8"}};
  EXPECT_EQ(pick({}), Language::kEn);
  environment_["LC_ALL"] = "zh_CN.UTF-8";
  EXPECT_EQ(pick({}), Language::kZh);
  EXPECT_EQ(pick({"--config", Write("lang.toml", "lang = \"en\"\n")}), Language::kEn);
  environment_["REDPOINTS_LANG"] = "zh";
  EXPECT_EQ(pick({"--config=" + Path("lang.toml")}), Language::kZh);
  EXPECT_EQ(pick({"balance", "--lang=en"}), Language::kEn);
}

TEST_F(AppTest, TheCommandLineBeatsTheEnvironmentWhichBeatsTheFile) {
  server_.Script("GetJournal", {Send(v1::GetJournalResponse())});
  const auto program = [this] { return Last<v1::GetJournalRequest>("GetJournal").program(); };
  const std::string file = Write("redpoints.toml", "program = \"from-file\"\noutput = \"json\"\n");
  EXPECT_EQ(Run({"--config", file, "journal", "--program", "from-line"}), 0) << err_.str();
  EXPECT_EQ(program(), "programs/from-line");
  EXPECT_TRUE(OutHas("{\"end_sequence\""));
  EXPECT_EQ(Run({"--config", file, "journal"}), 0);
  EXPECT_EQ(program(), "programs/minyue");
  environment_.erase("REDPOINTS_PROGRAM");
  environment_["REDPOINTS_CONFIG"] = file;
  EXPECT_EQ(Run({"journal"}), 0);
  EXPECT_EQ(program(), "programs/from-file");
  EXPECT_EQ(Run({"--config", Write("typo.toml", "programme = \"p\"\n"), "journal"}), 1);
}

TEST_F(AppTest, AQuoteNamesNoMember) {
  v1::QuoteResponse response;
  response.set_points(200);
  server_.Script("Quote", {Send(response)});
  EXPECT_EQ(Run({"quote", "--line", "RICE:1:200"}), 0);
  EXPECT_TRUE(OutHas("points  200"));
  EXPECT_EQ(Last<v1::QuoteRequest>("Quote").offer_lines(0).offer(), "RICE");
  EXPECT_EQ(Run({"quote", "--member", "12345678", "--line", "RICE:1:200"}), 1);
}

TEST_F(AppTest, OutcomeExitsAsTheRequestWouldHave) {
  const auto with = [](v1::OutcomeState state) {
    v1::GetOutcomeResponse response;
    response.mutable_outcome()->set_state(state);
    return Send(response);
  };
  server_.Script("GetOutcome", {with(v1::DONE), with(v1::PENDING), with(v1::REVERSED), with(v1::NEVER_SEEN),
                                Refuse({.reason = Reason::PERMISSION_DENIED, .facts = {}})});
  for (const int code : {0, 0, 2, 2, 2}) EXPECT_EQ(Run({"outcome", kSeed}), code);
  server_.Script("GetAwardOutcome", {Refuse({.reason = Reason::REQUEST_NOT_FOUND, .facts = {}})});
  EXPECT_EQ(Run({"outcome", kSeed, "--award"}), 4);
  EXPECT_EQ(Last<v1::GetAwardOutcomeRequest>("GetAwardOutcome").request_id(), kSeed);
}

TEST_F(AppTest, ARequestThatWasNeverSeenIsToldFromOneThatIsUndone) {
  v1::ReverseResponse reversed;
  reversed.mutable_outcome()->set_state(v1::DONE);
  reversed.mutable_target()->set_state(v1::NEVER_SEEN);
  server_.Script("Reverse", {Send(reversed)});
  v1::GetOutcomeResponse outcome;
  outcome.mutable_outcome()->set_state(v1::NEVER_SEEN);
  server_.Script("GetOutcome", {Send(outcome)});
  environment_["LANG"] = "zh_CN.UTF-8";
  EXPECT_EQ(Run({"reverse", kSeed}), 0);
  EXPECT_TRUE(OutHas("被撤销的请求\n序号      0\n当前状态  本终端未办理过此笔\n")) << out_.str();
  EXPECT_EQ(Run({"outcome", kSeed}), 2);
  EXPECT_EQ(err_.str(), "拒绝: 本终端未办理过此笔。未扣积分,请勿交付商品。 [ALREADY_REVERSED]\n");
}

TEST_F(AppTest, ARefundSaysTheCashGivenBack) {
  server_.Script("Refund", {Done<v1::RefundResponse>()});
  EXPECT_EQ(Run({"refund", "1.42", "--points", "20", "--cash-fen", "2500"}), 0);
  EXPECT_EQ(Last<v1::RefundRequest>("Refund").redemption(), "programs/minyue/redemptions/1.42");  // of epoch 1
  EXPECT_EQ(Last<v1::RefundRequest>("Refund").cash_fen(), 2'500);
  EXPECT_EQ(Run({"refund", "42", "--points", "20"}), 0);
  EXPECT_EQ(Last<v1::RefundRequest>("Refund").cash_fen(), 0);
  EXPECT_EQ(Run({"refund", "42", "--points", "20", "--cash-fen", "-1"}), 1);
}

TEST_F(AppTest, AnUndoIsProposedAndConfirmed) {
  v1::ProposeUndoResponse proposed;
  proposed.mutable_outcome()->set_state(v1::DONE);
  proposed.set_proposal("programs/minyue/entries/43");
  server_.Script("ProposeUndo", {Send(proposed)});
  server_.Script("Undo", {Done<v1::UndoResponse>()});
  EXPECT_EQ(Run({"undo", "propose", "42", "--reason", "deed-not-done"}), 1);
  EXPECT_EQ(Run({"undo", "propose", "42", "--reason", "wrong-amount"}), 0) << err_.str();
  EXPECT_TRUE(OutHas("programs/minyue/entries/43"));
  EXPECT_EQ(Last<v1::ProposeUndoRequest>("ProposeUndo").entry(), "programs/minyue/entries/42");
  EXPECT_EQ(Last<v1::ProposeUndoRequest>("ProposeUndo").reason(), v1::UNDO_WRONG_AMOUNT);
  EXPECT_EQ(Run({"undo", "confirm", "43"}), 0);
  EXPECT_EQ(Last<v1::UndoRequest>("Undo").proposal(), "programs/minyue/entries/43");
}

TEST_F(AppTest, AWaiverIsProposedAndConfirmed) {
  v1::ProposeWaiverResponse proposed;
  proposed.mutable_outcome()->set_state(v1::DONE);
  proposed.set_proposal("programs/minyue/entries/43");
  proposed.set_waived_points(150);
  proposed.set_points_decimals(2);
  server_.Script("ProposeWaiver", {Send(proposed)});
  server_.Script("WaiveDebt", {Done<v1::WaiveDebtResponse>()});
  EXPECT_EQ(Run({"waive", "propose", "--member", "12345673", "--fund", "donor", "--reason", "wrong-amount"}), 1);
  EXPECT_EQ(Run({"waive", "propose", "--member", "12345673", "--fund", "donor", "--reason", "hardship", "--points", "0"}), 1);
  EXPECT_EQ(Run({"waive", "propose", "--member", "12345673", "--fund", "donor", "--reason", "hardship"}), 0) << err_.str();
  EXPECT_TRUE(OutHas("programs/minyue/entries/43"));
  EXPECT_TRUE(OutHas("waived points  1.50")) << out_.str();
  const auto asked = Last<v1::ProposeWaiverRequest>("ProposeWaiver");
  EXPECT_EQ(asked.member(), "members/12345673");
  EXPECT_EQ(asked.fund(), "donor");
  EXPECT_EQ(asked.points(), 0);
  EXPECT_EQ(asked.reason(), v1::WAIVER_HARDSHIP);
  EXPECT_EQ(Run({"waive", "propose", "--member", "m1", "--fund", "donor", "--reason", "资金已停用", "--points", "7"}), 0) << err_.str();
  EXPECT_EQ(Last<v1::ProposeWaiverRequest>("ProposeWaiver").points(), 7);
  EXPECT_EQ(Last<v1::ProposeWaiverRequest>("ProposeWaiver").reason(), v1::WAIVER_FUND_ENDED);
  EXPECT_EQ(Run({"waive", "confirm", "43"}), 0);
  EXPECT_EQ(Last<v1::WaiveDebtRequest>("WaiveDebt").proposal(), "programs/minyue/entries/43");
}

TEST_F(AppTest, HoldsAreNamedBySequence) {
  server_.Script("Capture", {Done<v1::CaptureResponse>()});
  EXPECT_EQ(Run({"capture", "7", "--points", "3"}), 0);
  EXPECT_EQ(Last<v1::CaptureRequest>("Capture").hold(), "programs/minyue/holds/7");
  server_.Script("Void", {Done<v1::VoidResponse>()});
  EXPECT_EQ(Run({"void", "--hold", "programs/other/holds/8"}), 0);
  EXPECT_EQ(Last<v1::VoidRequest>("Void").hold(), "programs/other/holds/8");
  server_.Script("Reverse", {Done<v1::ReverseResponse>()});
  EXPECT_EQ(Run({"reverse", kSeed}), 0);
  EXPECT_EQ(Last<v1::ReverseRequest>("Reverse").target_request_id(), kSeed);
}

TEST_F(AppTest, AwardAndCorrect) {
  server_.Script("Award", {Send(v1::AwardResponse())});
  EXPECT_EQ(Run({"award", "--member", "12345678", "--activity", "PATROL", "--quantity", "90", "--day", "2024-03-15", "--group", "先锋党员",
                 "--session", "s-1", "--tag", "night", "--tag", "rain"}),
            0)
      << err_.str();
  const auto item = Last<v1::AwardRequest>("Award").item();
  EXPECT_EQ(item.member(), "members/12345678");
  EXPECT_EQ(item.effective_day(), 20240315);
  EXPECT_EQ(item.group(), v1::PARTY_VANGUARD);
  EXPECT_EQ(item.tags_size(), 2);
  server_.Script("Correct", {Done<v1::CorrectResponse>()});
  EXPECT_EQ(Run({"correct", "12", "--quantity", "0", "--reason", "deed-not-done"}), 0);
  EXPECT_EQ(Last<v1::CorrectRequest>("Correct").award(), "programs/minyue/awards/12");
  EXPECT_EQ(Last<v1::CorrectRequest>("Correct").reason(), v1::DEED_NOT_DONE);
}

class AwardBatchTest : public AppTest {
 protected:
  AwardBatchTest() {
    std::string text = "member,activity,quantity,effective_day,group\n";
    for (int i = 0; i < 5; ++i) text += "1234567" + std::to_string(i) + ",PATROL,1,20240315,residents\n";
    file_ = Write("awards.csv", text);
  }

  // Refuses `refused`, awards everybody else 10 points.
  static FakeReply Answer(const FakeCall& call, const std::string& refused) {
    v1::AwardBatchResponse response;
    const auto request = call.As<v1::AwardBatchRequest>();
    for (const auto& item : request.items()) {
      auto& result = *response.add_results();
      result.set_state(item.member() == refused ? v1::REFUSED : v1::DONE);
      if (result.state() == v1::REFUSED) result.mutable_refusal()->set_reason("MEMBER_SUSPENDED");
      if (result.state() == v1::DONE) result.set_points(10);
    }
    return Send(response);
  }

  std::string file_;
};

TEST_F(AwardBatchTest, SendsChunksWithIdsThatARerunRepeats) {
  server_.On("AwardBatch", [](const FakeCall& call) { return Answer(call, ""); });
  const std::vector<std::string> arguments = {"award-batch", file_, "--chunk-size", "2", "--request-id", kSeed};
  EXPECT_EQ(Run(arguments), 0) << err_.str();
  EXPECT_TRUE(OutHas("points   50"));
  EXPECT_EQ(Run(arguments), 0);
  std::vector<std::string> ids;
  for (const auto& call : server_.Calls("AwardBatch")) ids.push_back(call.As<v1::AwardBatchRequest>().request_id());
  ASSERT_EQ(ids.size(), 6U);
  EXPECT_EQ(ids[0], DerivedRequestId(kSeed, "award-batch/0"));
  EXPECT_EQ(std::vector<std::string>(ids.begin(), ids.begin() + 3), std::vector<std::string>(ids.begin() + 3, ids.end()));
  EXPECT_EQ((std::set<std::string>(ids.begin(), ids.end()).size()), 3U);
}

TEST_F(AwardBatchTest, AddsPointsUpWithTheirDecimals) {
  server_.On("AwardBatch", [](const FakeCall& call) {
    v1::AwardBatchResponse response;
    for (int i = 0; i < call.As<v1::AwardBatchRequest>().items_size(); ++i) response.add_results()->set_points(30);
    response.set_points_decimals(2);
    return Send(response);
  });
  EXPECT_EQ(Run({"award-batch", file_, "--chunk-size", "2"}), 0) << err_.str();
  EXPECT_TRUE(OutHas("points   1.50")) << out_.str();
}

TEST_F(AwardBatchTest, NamesTheLinesThatWereRefused) {
  server_.On("AwardBatch", [](const FakeCall& call) { return Answer(call, "members/12345673"); });
  EXPECT_EQ(Run({"award-batch", file_}), 2);
  EXPECT_TRUE(OutHas("   5  members/12345673  PATROL    MEMBER_SUSPENDED"));
  EXPECT_EQ(Run({"award-batch", file_, "--output", "json"}), 2);
  const std::string json = out_.str();
  EXPECT_EQ(json.front(), '{');
  EXPECT_EQ(json.find('\n'), json.size() - 1);
}

TEST_F(AwardBatchTest, StopsWhereTheOutcomeIsUnknownAndNamesTheSeed) {
  int calls = 0;
  server_.On("AwardBatch", [&calls](const FakeCall& call) { return ++calls == 2 ? Fail(4) : Answer(call, ""); });
  server_.Script("GetAwardOutcome", {Fail(4)});
  EXPECT_EQ(Run({"award-batch", file_, "--chunk-size", "2", "--request-id", kSeed}), 4);
  EXPECT_TRUE(ErrHas("stopped at lines: 4–5"));
  EXPECT_TRUE(ErrHas(std::string("repeat with --request-id ") + kSeed));
  EXPECT_EQ(calls, 2);
}

TEST_F(AwardBatchTest, ARefusedBatchNamesTheLineAtFault) {
  int calls = 0;
  server_.On("AwardBatch", [&calls](const FakeCall& call) {
    return ++calls == 2 ? Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"expected", "x"}, {"field", "items[1].member"}}})
                        : Answer(call, "");
  });
  EXPECT_EQ(Run({"award-batch", file_, "--chunk-size", "2"}), 2);
  EXPECT_TRUE(ErrHas("the line at fault: 5 (member)\n")) << err_.str();
  server_.Script("AwardBatch", {Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"field", "items[4]"}}}),
                                Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"field", "items[9].case"}}}),
                                Refuse({.reason = Reason::FIELD_INVALID, .facts = {{"field", "items"}}})});
  EXPECT_EQ(Run({"award-batch", file_}), 2);
  EXPECT_TRUE(ErrHas("the line at fault: 6")) << err_.str();
  EXPECT_EQ(Run({"award-batch", file_}), 2);
  EXPECT_FALSE(ErrHas("at fault")) << err_.str();
  EXPECT_EQ(Run({"award-batch", file_}), 2);
  EXPECT_FALSE(ErrHas("at fault")) << err_.str();
}

TEST_F(AwardBatchTest, ABadRowIsNamedAndNothingIsSent) {
  const std::string bad = Write("bad.csv", "member,activity,quantity,effective_day,group\n12345678,PATROL,x,20240315,residents\n");
  EXPECT_EQ(Run({"award-batch", bad}), 1);
  EXPECT_TRUE(ErrHas("line 2: quantity: \"x\" should be an integer"));
  EXPECT_TRUE(server_.Calls("AwardBatch").empty());
  EXPECT_EQ(Run({"award-batch", file_, "--check"}), 0);
  EXPECT_TRUE(server_.Calls("AwardBatch").empty());
}

TEST_F(AppTest, BalanceOfADayIncludesTheDay) {
  server_.Script("GetBalance", {Send(v1::GetBalanceResponse())});
  EXPECT_EQ(Run({"balance", "--member", "12345678", "--as-of", "2024-03-14"}), 0);
  const auto request = Last<v1::GetBalanceRequest>("GetBalance");
  EXPECT_EQ(request.member(), "programs/minyue/members/12345678");
  EXPECT_EQ(request.as_of_time().seconds(), 1'710'431'999);
  EXPECT_EQ(request.as_of_time().nanos(), 999'000'000);
}

TEST_F(AppTest, AStatementHasAllItsPages) {
  v1::ListStatementResponse first;
  first.add_lines()->set_sequence(9);
  first.set_next_page_token("t");
  first.set_closing_balance(77);
  v1::ListStatementResponse second;
  second.add_lines()->set_sequence(4);
  server_.Script("ListStatement", {Send(first), Send(second)});
  EXPECT_EQ(Run({"--output", "json", "statement", "12345678", "--from", "2024-01-01", "--to", "2024-03-14"}), 0);
  EXPECT_TRUE(OutHas("\"sequence\":\"9\""));
  EXPECT_TRUE(OutHas("\"sequence\":\"4\""));
  EXPECT_TRUE(OutHas("\"next_page_token\":\"\""));
  EXPECT_TRUE(OutHas("\"closing_balance\":\"77\""));
  EXPECT_EQ(Last<v1::ListStatementRequest>("ListStatement").page_token(), "t");
  EXPECT_EQ(Last<v1::ListStatementRequest>("ListStatement").end_time().seconds(), 1'710'432'000);
}

// A journal of four entries, of which a test takes some away or changes them.
class ExportTest : public AppTest {
 protected:
  ExportTest() {
    server_.On("ExportEntries", [this](const FakeCall& call) {
      const auto request = call.As<v1::ExportEntriesRequest>();
      FakeReply reply;
      const auto end = request.through().empty() ? end_ : ParseName(request.through())->sequence + 1;
      const auto start = request.after().empty() ? 0 : ParseName(request.after())->sequence + 1;
      for (std::int64_t sequence = start; sequence < end; ++sequence) {
        v1::ExportEntriesResponse message;
        if (request.format() == v1::CSV) {
          if (sequence == 0) message.set_data("\xEF\xBB\xBFseq,part\r\n");
          const std::string row = std::to_string(sequence) + ",1,";
          message.set_data(message.data() + row + "a\r\n" + row + "b\r\n");
        } else {
          message.set_data(Line(sequence));
        }
        message.set_last(Entry(sequence));
        message.set_through(Entry(end - 1));
        reply.messages.push_back(message.SerializeAsString());
      }
      return reply;
    });
  }

  static std::string Entry(std::int64_t sequence) { return "programs/minyue/entries/1." + std::to_string(sequence); }
  static std::string Line(std::int64_t sequence) { return "{\"v\":1,\"epoch\":1,\"seq\":" + std::to_string(sequence) + "}\n"; }
  static std::string Lines(std::int64_t end) {
    std::string lines;
    for (std::int64_t sequence = 0; sequence < end; ++sequence) lines += Line(sequence);
    return lines;
  }
  // Runs an export that goes on with a file of these bytes, and gives what is in it then.
  std::string Resumed(const std::string& bytes, int exit_code, const std::vector<std::string>& more = {}) {
    Write("part", bytes);
    std::vector<std::string> arguments = {"export", "--output", Path("part"), "--resume"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(Run(arguments), exit_code) << bytes << err_.str();
    return Bytes("part");
  }

  std::int64_t end_ = 4;
};

TEST_F(ExportTest, GoesToStdoutOrAFile) {
  EXPECT_EQ(Run({"export"}), 0);
  EXPECT_EQ(out_.str(), Lines(4));
  EXPECT_EQ(Run({"export", "--output", Path("all.jsonl")}), 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(Bytes("all.jsonl"), Lines(4));
  EXPECT_TRUE(ErrHas("entries exported: 4"));
  EXPECT_EQ(Run({"export", "--output", Path("all.jsonl")}), 1);  // never overwritten
  end_ = 0;
  EXPECT_EQ(Run({"export", "--output", Path("none.jsonl")}), 0);
  EXPECT_TRUE(std::filesystem::is_empty(Path("none.jsonl")));
}

TEST_F(ExportTest, ResumeGoesOnWithAPartialFile) {
  for (const auto& bytes : {Lines(2) + "{\"v", Lines(2), Lines(4), std::string("{\"v\":1,"), std::string()}) {
    EXPECT_EQ(Resumed(bytes, 0), Lines(4)) << bytes;
  }
  EXPECT_TRUE(ErrHas("entries exported: 4"));
  Resumed(Lines(3), 0);
  EXPECT_TRUE(ErrHas("entries exported: 1,"));
  EXPECT_EQ(Last<v1::ExportEntriesRequest>("ExportEntries").after(), Entry(1));
  EXPECT_EQ(Resumed(Lines(2) + "{\"v", 0, {"--through", "1.1"}), Lines(2));
  EXPECT_TRUE(ErrHas("the last one: 1.1\n")) << err_.str();
}

TEST_F(ExportTest, ResumeGoesOnWithAPartialTable) {
  const std::string table = "\xEF\xBB\xBFseq,part\r\n0,1,a\r\n0,1,b\r\n1,1,a\r\n1,1,b\r\n2,1,a\r\n2,1,b\r\n3,1,a\r\n3,1,b\r\n";
  for (std::size_t size = 0; size <= table.size(); ++size) {
    EXPECT_EQ(Resumed(table.substr(0, size), 0, {"--format", "csv"}), table) << size;
    // What the file held whole is not told as exported.
    int is_new = 0;
    for (auto end = table.find("b\r\n"); end != std::string::npos; end = table.find("b\r\n", end + 1)) is_new += end + 3 > size ? 1 : 0;
    EXPECT_TRUE(ErrHas("entries exported: " + std::to_string(is_new) + ",")) << size << err_.str();
  }
}

TEST_F(ExportTest, AFileThatIsNotTheJournalsBeginningIsLeftAsItIs) {
  const std::string other = Line(0) + "{\"v\":1,\"epoch\":7,\"seq\":1}\n";
  for (const auto& bytes : {other, Lines(2) + "{\"v\":9", std::string("{\"v\":1,\"program\"")}) {
    EXPECT_EQ(Resumed(bytes, 5), bytes);
    EXPECT_TRUE(ErrHas("the file differs from the journal")) << err_.str();
  }
  for (const auto& bytes : {Lines(5), Lines(4) + "{\"v", Lines(7)}) {
    EXPECT_EQ(Resumed(bytes, 5), bytes);
    EXPECT_TRUE(ErrHas("the journal ends before the file does")) << err_.str();
  }
  for (const auto& bytes : {std::string("a note without a newline"), std::string("a note\n"), Line(1)}) {
    EXPECT_EQ(Resumed(bytes, 1), bytes);
  }
  EXPECT_EQ(Resumed(Lines(3), 1, {"--through", "1.1"}), Lines(3));
}

// A file of a history that was put away: the server says from where the journal differs, and the file stays.
TEST_F(ExportTest, AFileOfALostTailIsLeftAsItIs) {
  server_.Script("ExportEntries",
                 {Refuse({.reason = Reason::ENTRY_LOST,
                          .facts = {{"field", "after"}, {"name", Entry(1)}, {"opening", "programs/minyue/entries/9.1"}}})});
  EXPECT_EQ(Resumed(Lines(3), 2), Lines(3));
  EXPECT_TRUE(ErrHas("opening=programs/minyue/entries/9.1")) << err_.str();
  // Who reads a journal does not enter again what was lost.
  EXPECT_TRUE(ErrHas("keep the old file as evidence, export into a new one")) << err_.str();
  EXPECT_FALSE(ErrHas("entered again by staff")) << err_.str();
  EXPECT_EQ(Last<v1::ExportEntriesRequest>("ExportEntries").after(), Entry(1));
}

TEST_F(ExportTest, ARangeIsOfNamedEntries) {
  EXPECT_EQ(Run({"export", "--after", "1.1", "--through", "entries/1.2"}), 0);
  EXPECT_EQ(out_.str(), Line(2));
  EXPECT_EQ(Run({"export", "--after", "1"}), 0);
  EXPECT_EQ(Last<v1::ExportEntriesRequest>("ExportEntries").after(), "programs/minyue/entries/1");  // of epoch 0
  for (const char* text : {"x", "1.", "holds/1", "programs/minyue/holds/1"}) EXPECT_EQ(Run({"export", "--after", text}), 1) << text;
}

TEST_F(ExportTest, WithoutAnAnswerThereIsNoFile) {
  server_.Script("ExportEntries", {Refuse({.reason = Reason::PERMISSION_DENIED, .facts = {}})});
  EXPECT_EQ(Run({"export", "--output", Path("all.jsonl")}), 2);
  EXPECT_FALSE(std::filesystem::exists(Path("all.jsonl")));
  EXPECT_EQ(Resumed(Lines(2) + "{\"v", 2), Lines(2) + "{\"v");
}

TEST_F(ExportTest, WhatCannotBeWrittenIsAnError) {
  EXPECT_EQ(Run({"export", "--output", Path("absent/all.jsonl")}), 5);
  EXPECT_TRUE(ErrHas("writing failed: ")) << err_.str();
  EXPECT_EQ(Run({"export", "--output", std::string(300, 'x')}), 5);
  std::filesystem::create_symlink("/dev/full", Path("full"));
  EXPECT_EQ(Run({"export", "--output", Path("full")}), 1);
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(Run({"export"}), 5);
}

TEST_F(AppTest, ResultsThatCannotBeWrittenAreNotTold) {
  server_.Script("GetJournal", {Send(v1::GetJournalResponse())});
  server_.Script("Donate", {Done<v1::DonateResponse>()});
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(Run({"journal"}), 5);
  EXPECT_TRUE(ErrHas("writing the output failed"));
  // The donation was made: its id tells of it.
  EXPECT_EQ(Run({"donate", "--member", "12345678", "--points", "5", "--request-id", kSeed}), 4);
  EXPECT_TRUE(ErrHas(std::string("--request-id ") + kSeed));
  EXPECT_EQ(Run({"completion", "bash"}), 5);
}

TEST_F(AppTest, FollowEndsAfterTheCount) {
  v1::FollowEntriesResponse message;
  const std::string line = "{\"epoch\":0,\"seq\":";
  for (const char* end : {"4}", "5}", "6}"}) message.add_lines(line + end);
  message.set_last("programs/minyue/entries/6");
  FakeReply reply = Silence();
  reply.messages = {message.SerializeAsString()};
  server_.Script("FollowEntries", {reply});
  EXPECT_EQ(Run({"follow", "--after", "3", "--count", "2"}), 0);
  EXPECT_EQ(out_.str(), line + "4}\n" + line + "5}\n");
  EXPECT_EQ(Last<v1::FollowEntriesRequest>("FollowEntries").after(), "programs/minyue/entries/3");
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(Run({"follow", "--after", "3"}), 5);
}

TEST_F(AppTest, ABlobMustHaveItsHash) {
  v1::GetBlobResponse response;
  response.set_content("abc");
  server_.Script("GetBlob", {Send(response)});
  const std::string hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Run({"blob", hash}), 0);
  EXPECT_EQ(out_.str(), "abc");
  EXPECT_EQ(Run({"blob", std::string(64, '0')}), 5);
  EXPECT_EQ(Run({"blob", hash, "--output", Path("blob")}), 0);
  EXPECT_EQ(Bytes("blob"), "abc");
  EXPECT_EQ(Run({"blob", hash, "--output", Write("kept", "mine")}), 1);
  EXPECT_EQ(Bytes("kept"), "mine");
  EXPECT_EQ(Run({"blob", hash, "--output", Path("absent/blob")}), 5);
}

TEST_F(AppTest, AnUpdateChangesOnlyWhatWasGiven) {
  v1::GetRegistrationResponse registered;
  auto& member = *registered.mutable_registration()->mutable_member();
  member.set_name("programs/minyue/members/m1");
  member.set_grid("grid-1");
  member.add_groups()->set_group(v1::RESIDENTS);
  member.add_memberships()->set_member("programs/minyue/members/h1");
  member.set_state(v1::ACTIVE);
  server_.Script("GetRegistration", {Send(registered)});
  server_.Script("UpdateMember", {Done<v1::UpdateMemberResponse>()});
  EXPECT_EQ(Run({"member", "update", "m1", "--state", "suspended", "--membership", "none"}), 0) << err_.str();
  const auto sent = Last<v1::UpdateMemberRequest>("UpdateMember").member();
  EXPECT_EQ(sent.name(), "programs/minyue/members/m1");
  EXPECT_EQ(sent.grid(), "grid-1");
  EXPECT_EQ(sent.groups_size(), 1);
  EXPECT_EQ(sent.memberships_size(), 0);
  EXPECT_EQ(sent.state(), v1::SUSPENDED);
}

TEST_F(AppTest, AnUpdateKeepsTheStateThatIsRegistered) {
  for (const auto state : {v1::ACTIVE, v1::SUSPENDED, v1::REVOKED}) {
    v1::GetRegistrationResponse member;
    member.mutable_registration()->mutable_member()->set_state(state);
    v1::GetRegistrationResponse merchant;
    merchant.mutable_registration()->mutable_merchant()->set_state(state);
    v1::GetRegistrationResponse staff;
    staff.mutable_registration()->mutable_staff()->set_state(state);
    server_.Script("GetRegistration", {Send(member), Send(merchant), Send(staff)});
    server_.Script("UpdateMember", {Done<v1::UpdateMemberResponse>()});
    server_.Script("UpdateMerchant", {Done<v1::UpdateMerchantResponse>()});
    server_.Script("UpdateStaff", {Done<v1::UpdateStaffResponse>()});
    EXPECT_EQ(Run({"member", "update", "m1", "--grid", "g"}), 0);
    EXPECT_EQ(Last<v1::UpdateMemberRequest>("UpdateMember").member().state(), state);
    EXPECT_EQ(Run({"merchant", "update", "s1", "--place", "c"}), 0);
    EXPECT_EQ(Last<v1::UpdateMerchantRequest>("UpdateMerchant").merchant().state(), state);
    EXPECT_EQ(Run({"staff", "update", "w1", "--grant", "auditor"}), 0);
    EXPECT_EQ(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().state(), state);
  }
  // A terminal has nothing but its state.
  EXPECT_EQ(Run({"terminal", "update", "s1/t1"}), 1);
}

TEST_F(AppTest, MemberNumbersAreTakenForMembers) {
  server_.On("GetRegistration", [](const FakeCall& call) {
    const std::string name = call.As<v1::GetRegistrationRequest>().name();
    v1::GetRegistrationResponse response;
    if (name == "programs/minyue/members/12345678")
      response.mutable_registration()->mutable_member()->set_name("programs/minyue/members/a1");
    return response.has_registration() ? Send(response) : Refuse({.reason = Reason::MEMBER_NOT_FOUND, .facts = {}});
  });
  server_.Script("CreateMerchant", {Done<v1::CreateMerchantResponse>()});
  server_.Script("CreateStaff", {Done<v1::CreateStaffResponse>()});
  server_.Script("CreateMember", {Done<v1::CreateMemberResponse>()});
  server_.On("CreateMembers", [](const FakeCall& call) {
    v1::CreateMembersResponse response;
    *response.mutable_members() = call.As<v1::CreateMembersRequest>().members();
    return Send(response);
  });
  const std::string id = "programs/minyue/members/a1";
  EXPECT_EQ(Run({"merchant", "create", "--person", "m1", "--person", "12345678:clerk:20240101"}), 0) << err_.str();
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(0).member(), "programs/minyue/members/m1");
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(1).member(), id);
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(1).role(), v1::CLERK);
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().state(), v1::ACTIVE);
  EXPECT_EQ(Run({"staff", "create", "--grant", "auditor", "--member", "12345678"}), 0);
  EXPECT_EQ(Last<v1::CreateStaffRequest>("CreateStaff").staff().member(), id);
  EXPECT_EQ(Run({"member", "create", "--kind", "person", "--group", "residents", "--membership", "12345678:20240101"}), 0);
  EXPECT_EQ(Last<v1::CreateMemberRequest>("CreateMember").member().memberships(0).member(), id);
  EXPECT_EQ(Last<v1::CreateMemberRequest>("CreateMember").member().memberships(0).from_day(), 20240101);
  const auto asked = server_.Calls("GetRegistration").size();
  EXPECT_EQ(Run({"member", "import",
                 Write("m.csv", "kind,groups,memberships\nperson,residents,12345678:20240101\nperson,residents,12345678:20240101\n")}),
            0);
  EXPECT_EQ(Last<v1::CreateMembersRequest>("CreateMembers").members(1).memberships(0).member(), id);
  EXPECT_EQ(server_.Calls("GetRegistration").size(), asked + 1);  // once for each number
  EXPECT_EQ(Run({"merchant", "create", "--person", "87654321"}), 2);
  EXPECT_TRUE(ErrHas("member number: 87654321\nrefused: Member not found"));
  EXPECT_EQ(server_.Calls("CreateMerchant").size(), 1U);
}

TEST_F(AppTest, TheRegistryIsFilled) {
  server_.Script("CreateProgram", {Done<v1::CreateProgramResponse>()});
  server_.Script("ConfirmClock", {Done<v1::ConfirmClockResponse>()});
  server_.Script("SetNode", {Done<v1::SetNodeResponse>()});
  server_.Script("SetFund", {Done<v1::SetFundResponse>()});
  server_.Script("SetOffer", {Done<v1::SetOfferResponse>()});
  server_.Script("AdoptRulebook", {Send(v1::AdoptRulebookResponse())});
  server_.Script("WithdrawRulebook", {Done<v1::WithdrawRulebookResponse>()});
  server_.Script("CreateMerchant", {Done<v1::CreateMerchantResponse>()});
  server_.Script("CreateTerminal", {Done<v1::CreateTerminalResponse>()});
  server_.Script("UpdateTerminal", {Done<v1::UpdateTerminalResponse>()});
  server_.Script("CreateStaff", {Done<v1::CreateStaffResponse>()});
  EXPECT_EQ(Run({"program", "create", "minyue"}), 0);
  EXPECT_EQ(Last<v1::CreateProgramRequest>("CreateProgram").program_id(), "minyue");
  EXPECT_EQ(Run({"clock", "confirm"}), 1);
  EXPECT_EQ(Run({"clock", "confirm", "--time", "2024-06-01"}), 1);  // of no time of day
  EXPECT_EQ(Run({"clock", "confirm", "--time", "2024-06-01 12:00"}), 0);
  EXPECT_EQ(Last<v1::ConfirmClockRequest>("ConfirmClock").stated_time().seconds(), 1'717'214'400);  // 2024-06-01T04:00:00Z
  EXPECT_EQ(Last<v1::ConfirmClockRequest>("ConfirmClock").last_closed_day(), 0);
  EXPECT_EQ(Run({"clock", "confirm", "--time", "2024-06-01 12:00", "--set-back-to", "2024-05-32"}), 1);
  EXPECT_EQ(Run({"clock", "confirm", "--time", "infinite-future", "--set-back-to", "2024-05-31"}), 1);
  EXPECT_EQ(Run({"clock", "confirm", "--time", "2024-06-01 12:00", "--set-back-to", "2024-05-31"}), 0);
  EXPECT_EQ(Last<v1::ConfirmClockRequest>("ConfirmClock").last_closed_day(), 20240531);
  EXPECT_EQ(Run({"node", "set", "grid-1", "--kind", "place", "--parent", "c-1", "--type", "grid"}), 0);
  EXPECT_EQ(Last<v1::SetNodeRequest>("SetNode").node().parent(), "c-1");
  EXPECT_EQ(Last<v1::SetNodeRequest>("SetNode").node().end_day(), 0);
  EXPECT_EQ(Run({"node", "set", "grid-1", "--kind", "place", "--end", "2024-07-01"}), 0);
  EXPECT_EQ(Last<v1::SetNodeRequest>("SetNode").node().end_day(), 20240701);
  EXPECT_EQ(Run({"fund", "set", "street", "--budget", "1000000"}), 0);
  EXPECT_EQ(Last<v1::SetFundRequest>("SetFund").fund().budget_points(), 1'000'000);
  EXPECT_EQ(Run({"fund", "set", "street", "--budget", "1000000", "--end", "20250101"}), 0);
  EXPECT_EQ(Last<v1::SetFundRequest>("SetFund").fund().end_day(), 20250101);
  EXPECT_EQ(Run({"offer", "set", "RICE", "--kind", "item", "--price", "30", "--shop", "s1", "--name", "大米", "--from", "20240101", "--to",
                 "2025-01-01"}),
            0)
      << err_.str();
  const auto offer = Last<v1::SetOfferRequest>("SetOffer").offer();
  EXPECT_EQ(offer.ShortDebugString(),
            "code: \"RICE\" name_zh_cn: \"\\345\\244\\247\\347\\261\\263\" kind: ITEM merchant: \"programs/minyue/merchants/s1\" "
            "price_points: 30 from_day: 20240101 to_day: 20250101");
  EXPECT_EQ(Run({"offer", "set", "FEE", "--kind", "bill", "--max", "200"}), 0);
  EXPECT_EQ(Last<v1::SetOfferRequest>("SetOffer").offer().ShortDebugString(), "code: \"FEE\" kind: BILL max_points: 200");
  EXPECT_EQ(Run({"rulebook", "check", Write("rulebook.json", "{}")}), 0);
  EXPECT_TRUE(Last<v1::AdoptRulebookRequest>("AdoptRulebook").validate_only());
  EXPECT_EQ(Run({"rulebook", "adopt", Path("rulebook.json")}), 0);
  EXPECT_FALSE(Last<v1::AdoptRulebookRequest>("AdoptRulebook").validate_only());
  EXPECT_EQ(Last<v1::AdoptRulebookRequest>("AdoptRulebook").rulebook_json(), "{}");
  EXPECT_EQ(Run({"rulebook", "withdraw", "2024-2"}), 0);
  EXPECT_EQ(Last<v1::WithdrawRulebookRequest>("WithdrawRulebook").name(), "programs/minyue/rulebooks/2024-2");
  EXPECT_EQ(Run({"merchant", "create", "--person", "m1", "--place", "c-1"}), 0);
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(0).member(), "programs/minyue/members/m1");
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(0).role(), v1::OWNER);
  EXPECT_EQ(Run({"terminal", "create", "--merchant", "s1"}), 0);
  EXPECT_EQ(Last<v1::CreateTerminalRequest>("CreateTerminal").merchant(), "programs/minyue/merchants/s1");
  EXPECT_EQ(Run({"terminal", "update", "s1/t1", "--state", "revoked"}), 0);
  EXPECT_EQ(Last<v1::UpdateTerminalRequest>("UpdateTerminal").terminal().name(), "programs/minyue/merchants/s1/terminals/t1");
  EXPECT_EQ(Run({"staff", "create", "--grant", "recorder:grid-1", "--grant", "auditor", "--member", "m1"}), 0);
  EXPECT_EQ(Last<v1::CreateStaffRequest>("CreateStaff").staff().grants_size(), 2);
  EXPECT_FALSE(Last<v1::CreateStaffRequest>("CreateStaff").staff().external());
  EXPECT_EQ(Run({"staff", "create", "--grant", "auditor", "--external"}), 0);
  EXPECT_TRUE(Last<v1::CreateStaffRequest>("CreateStaff").staff().external());
  EXPECT_EQ(Run({"staff", "create", "--grant", "auditor"}), 1);  // neither
  EXPECT_EQ(Run({"staff", "create", "--external", "--member", "m1"}), 1);
}

TEST_F(AppTest, StaffBecomeMembersOrExternal) {
  v1::GetRegistrationResponse external;
  external.mutable_registration()->mutable_staff()->set_external(true);
  v1::GetRegistrationResponse member;
  member.mutable_registration()->mutable_staff()->set_member("programs/minyue/members/m1");
  server_.Script("GetRegistration", {Send(external), Send(member), Send(member)});
  server_.Script("UpdateStaff", {Done<v1::UpdateStaffResponse>()});
  EXPECT_EQ(Run({"staff", "update", "w1", "--member", "m2"}), 0);
  EXPECT_EQ(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().member(), "programs/minyue/members/m2");
  EXPECT_FALSE(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().external());
  EXPECT_EQ(Run({"staff", "update", "w1", "--external"}), 0);
  EXPECT_EQ(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().member(), "");
  EXPECT_TRUE(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().external());
  EXPECT_EQ(Run({"staff", "update", "w1", "--grant", "auditor"}), 0);
  EXPECT_EQ(Last<v1::UpdateStaffRequest>("UpdateStaff").staff().member(), "programs/minyue/members/m1");
}

TEST_F(AppTest, AMemberNumberIsShownOrReplaced) {
  v1::GetRegistrationResponse registered;
  registered.mutable_registration()->mutable_member()->set_name("programs/minyue/members/a1");
  registered.mutable_registration()->mutable_member()->set_number("12345678");
  server_.Script("GetRegistration", {Send(registered)});
  v1::ReplaceMemberNumberResponse replaced;
  replaced.mutable_outcome()->set_state(v1::DONE);
  replaced.set_number("87654321");
  server_.Script("ReplaceMemberNumber", {Send(replaced)});
  EXPECT_EQ(Run({"member", "number", "a1"}), 0);
  EXPECT_TRUE(OutHas("12345678"));
  EXPECT_TRUE(server_.Calls("ReplaceMemberNumber").empty());
  EXPECT_EQ(Run({"member", "number", "12345678", "--replace"}), 0);
  EXPECT_TRUE(OutHas("87654321"));
  EXPECT_EQ(Last<v1::ReplaceMemberNumberRequest>("ReplaceMemberNumber").name(), "programs/minyue/members/a1");
  EXPECT_EQ(Run({"member", "number", "a2", "--replace"}), 0);
  EXPECT_EQ(Last<v1::ReplaceMemberNumberRequest>("ReplaceMemberNumber").name(), "programs/minyue/members/a2");
  EXPECT_EQ(server_.Calls("GetRegistration").size(), 2U);  // an id needs no look-up
}

TEST_F(AppTest, OffersAreImportedWithIdsThatARerunRepeats) {
  server_.Script("SetOffer", {Done<v1::SetOfferResponse>()});
  const std::string file = Write("offers.csv", "编码,类型,单价,商户\nRICE,item,30,\nHAIRCUT,服务,10,s1\n");
  EXPECT_EQ(Run({"offer", "import", file, "--request-id", kSeed}), 0) << err_.str();
  ASSERT_EQ(server_.Calls("SetOffer").size(), 2U);
  const auto last = Last<v1::SetOfferRequest>("SetOffer");
  EXPECT_EQ(last.request_id(), DerivedRequestId(kSeed, "offer-import/1"));
  EXPECT_EQ(last.offer().kind(), v1::SERVICE);
  EXPECT_EQ(last.offer().merchant(), "programs/minyue/merchants/s1");
  EXPECT_EQ(Run({"offer", "import", Write("bad.csv", "code,kind,price_points\nRICE,item,0\n")}), 1);
  EXPECT_TRUE(ErrHas("line 2: price_points: at least 1")) << err_.str();
}

TEST_F(AppTest, ImportedMembersAreListedBesideTheirMarks) {
  server_.On("CreateMembers", [](const FakeCall& call) {
    v1::CreateMembersResponse response;
    const auto request = call.As<v1::CreateMembersRequest>();
    for (int i = 0; i < request.members_size(); ++i) {
      auto& member = *response.add_members();
      member = request.members(i);
      member.set_number("1000000" + std::to_string(i));
    }
    return Send(response);
  });
  EXPECT_EQ(Run({"member", "import", Write("members.csv", "ref,kind,groups\na,person,residents\nb,household,residents\n")}), 0)
      << err_.str();
  EXPECT_TRUE(OutHas("   3  b    10000001"));
}

TEST_F(AppTest, AListHasAllItsPages) {
  v1::ListRegistrationsResponse first;
  first.add_registrations()->mutable_fund()->set_code("a");
  first.set_next_page_token("t");
  v1::ListRegistrationsResponse second;
  second.add_registrations()->mutable_fund()->set_code("b");
  server_.Script("ListRegistrations", {Send(first), Send(second)});
  EXPECT_EQ(Run({"list", "funds"}), 0);
  EXPECT_TRUE(OutHas("\na "));
  EXPECT_TRUE(OutHas("\nb "));
}

// The commands that --help lists, at one level.
std::vector<std::string> HelpedCommands(const std::string& help) {
  std::vector<std::string> commands;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (line.size() > 2 && line.substr(0, 2) == "  " && line[2] >= 'a' && line[2] <= 'z') {
      commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
  }
  return commands;
}

TEST_F(AppTest, CompletionKnowsEverySubcommand) {
  EXPECT_EQ(Run({"--help"}), 0);
  const auto commands = HelpedCommands(out_.str());
  EXPECT_GT(commands.size(), 25U);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(Run({"completion", shell}), 0);
    for (const auto& command : commands) EXPECT_TRUE(OutHas("'" + command + "'")) << shell << " " << command;
    for (const char* path :
         {"'program create'",    "'clock confirm'", "'node set'",      "'fund set'",        "'rulebook adopt'",  "'rulebook check'",
          "'rulebook withdraw'", "'offer set'",     "'offer import'",  "'member number'",   "'undo propose'",    "'undo confirm'",
          "'member create'",     "'member update'", "'member import'", "'merchant create'", "'merchant update'", "'terminal create'",
          "'terminal update'",   "'staff create'",  "'staff update'"}) {
      EXPECT_TRUE(OutHas(path)) << shell << " " << path;
    }
  }
}

// What bash offers for the last of `words`.
std::string Completed(const std::string& script, const std::string& words) {
  const std::string command = "bash --norc -c 'source \"" + script + "\"; COMP_WORDS=(redpoints " + words +
                              "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _redpoints; echo \"${COMPREPLY[*]}\"'";
  std::string offered;
  std::FILE* pipe = popen(command.c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) offered += static_cast<char>(c);
  pclose(pipe);
  return offered;
}

TEST_F(AppTest, CompletionOffersTheValuesThatAreKnown) {
  EXPECT_EQ(Run({"completion", "bash"}), 0);
  const std::string script = Write("completion.bash", out_.str());
  EXPECT_EQ(Completed(script, "member create --kind \"\""), "person household organisation");
  EXPECT_EQ(Completed(script, "node set --kind \"\""), "place branch");
  EXPECT_EQ(Completed(script, "award --group re"), "residents");
  EXPECT_EQ(Completed(script, "staff update s1 --state r"), "revoked");
  EXPECT_EQ(Completed(script, "staff create --grant a"), "administrator auditor");
  EXPECT_EQ(Completed(script, "journal --output \"\""), "table json");
  EXPECT_EQ(Completed(script, "journal --output = j"), "json");
  EXPECT_EQ(Completed(script, "--lang ="), "zh en");
  EXPECT_EQ(Completed(script, "export --format \"\""), "jsonl csv");
  EXPECT_EQ(Completed(script, "export --output j"), "");  // a file here
  EXPECT_EQ(Completed(script, "list f"), "funds");
  EXPECT_EQ(Completed(script, "offer set --kind \"\""), "item bill service");
  EXPECT_EQ(Completed(script, "list o"), "offers");
  EXPECT_EQ(Completed(script, "completion z"), "zsh");
  EXPECT_EQ(Completed(script, "member cr"), "create");
  EXPECT_EQ(Run({"completion", "zsh"}), 0);
  EXPECT_TRUE(OutHas("--kind) words_=(place branch) ;;"));
  EXPECT_EQ(Run({"completion", "fish"}), 0);
  EXPECT_TRUE(OutHas(" -x -a 'place branch'"));
}

}  // namespace
}  // namespace redpoints::cli
