// The whole command line, from arguments to exit code, against a scripted server.
#include "client/cli/app.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "client/request_id.h"
#include "gtest/gtest.h"
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
    environment_ = {{"REDPOINTS_SERVER", server_.address()},
                    {"REDPOINTS_PLAINTEXT", "true"},
                    {"REDPOINTS_PROGRAM", "minyue"},
                    {"LANG", "en_US.UTF-8"}};
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
                                .is_err_terminal = false,
                                .timing = timing_.Get()});
  }

  template <class Request>
  Request Last(const std::string& method) {
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
  const std::string directory_ = testing::TempDir() + "/redpoints_app_" + std::to_string(getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name();
};

template <class Response>
FakeReply Done() {
  Response response;
  response.mutable_outcome()->set_state(v1::DONE);
  return Send(response);
}

TEST_F(AppTest, RedeemSendsTheSaleAndExits0) {
  v1::RedeemResponse response;
  response.mutable_outcome()->set_state(v1::DONE);
  response.set_redemption("programs/minyue/redemptions/42");
  server_.Script("Redeem", {Send(response)});
  EXPECT_EQ(Run({"redeem", "--member", "12345678", "--line", "RICE:1:200", "--line", "OIL:2:300:50", "--clerk", "c1",
                 "--till-number", "T9", "--request-id", kSeed}),
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
                                                       {"export", "--resume"},
                                                       {"completion", "tcsh"}};
  for (const auto& arguments : wrong) EXPECT_EQ(Run(arguments), 1) << testing::PrintToString(arguments) << err_.str();
  environment_.erase("REDPOINTS_PROGRAM");
  EXPECT_EQ(Run({"journal"}), 1);
  environment_.erase("REDPOINTS_SERVER");
  EXPECT_EQ(Run({"--program", "p", "journal"}), 1);
  for (const char* method : {"Redeem", "Refund", "GetBalance", "GetJournal", "AwardBatch"})
    EXPECT_TRUE(server_.Calls(method).empty());
}

TEST_F(AppTest, ARefusalExits2WithItsSentenceInEitherLanguage) {
  server_.Script("Redeem", {Refuse({.reason = v1::INSUFFICIENT_POINTS, .facts = {{"short_by", "30"}}})});
  EXPECT_EQ(Run({"redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(), "refused: Insufficient points; fewer points, or another tender. [INSUFFICIENT_POINTS short_by=30]\n");
  EXPECT_EQ(Run({"--lang", "zh", "redeem", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_EQ(err_.str(), "拒绝: 积分不足。请减少积分或改用现金。 [INSUFFICIENT_POINTS short_by=30]\n");
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

TEST_F(AppTest, AQuoteThatIsNotApprovedExits2) {
  v1::QuoteResponse response;
  response.set_points(200);
  response.mutable_refusal()->set_reason("INSUFFICIENT_POINTS");
  server_.Script("Quote", {Send(response)});
  EXPECT_EQ(Run({"quote", "--member", "12345678", "--line", "RICE:1:200"}), 2);
  EXPECT_TRUE(OutHas("INSUFFICIENT_POINTS"));
}

TEST_F(AppTest, OutcomeExitsAsTheRequestWouldHave) {
  const auto with = [](v1::OutcomeState state) {
    v1::GetOutcomeResponse response;
    response.mutable_outcome()->set_state(state);
    return Send(response);
  };
  server_.Script("GetOutcome",
                 {with(v1::DONE), with(v1::PENDING), with(v1::REVERSED), Refuse({.reason = v1::PERMISSION_DENIED, .facts = {}})});
  for (const int code : {0, 0, 2, 2}) EXPECT_EQ(Run({"outcome", kSeed}), code);
  server_.Script("GetAwardOutcome", {Refuse({.reason = v1::REQUEST_NOT_FOUND, .facts = {}})});
  EXPECT_EQ(Run({"outcome", kSeed, "--award"}), 4);
  EXPECT_EQ(Last<v1::GetAwardOutcomeRequest>("GetAwardOutcome").request_id(), kSeed);
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
  EXPECT_EQ(Run({"award", "--member", "12345678", "--activity", "PATROL", "--quantity", "90", "--day", "2024-03-15", "--group",
                 "先锋党员", "--session", "s-1", "--tag", "night", "--tag", "rain"}),
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

class ExportTest : public AppTest {
 protected:
  ExportTest() {
    server_.On("ExportEntries", [](const FakeCall& call) {
      const auto request = call.As<v1::ExportEntriesRequest>();
      FakeReply reply;
      for (std::int64_t sequence = request.start_sequence(); sequence < 4; ++sequence) {
        v1::ExportEntriesResponse message;
        message.set_data("{\"seq\":" + std::to_string(sequence) + "}\n");
        message.set_next_sequence(sequence + 1);
        message.set_end_sequence(4);
        reply.messages.push_back(message.SerializeAsString());
      }
      return reply;
    });
  }
  static constexpr char kAll[] = "{\"seq\":0}\n{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n";
};

TEST_F(ExportTest, GoesToStdoutOrAFile) {
  EXPECT_EQ(Run({"export"}), 0);
  EXPECT_EQ(out_.str(), kAll);
  EXPECT_EQ(Run({"export", "--output", Path("all.jsonl")}), 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(Bytes("all.jsonl"), kAll);
  EXPECT_TRUE(ErrHas("entries exported: 4"));
  EXPECT_EQ(Run({"export", "--output", Path("all.jsonl")}), 1);  // never overwritten
}

TEST_F(ExportTest, ResumeGoesOnWithAPartialFile) {
  Write("part.jsonl", "{\"seq\":0}\n{\"seq\":1}\n{\"se");
  EXPECT_EQ(Run({"export", "--output", Path("part.jsonl"), "--resume"}), 0) << err_.str();
  EXPECT_EQ(Bytes("part.jsonl"), kAll);
  EXPECT_EQ(Last<v1::ExportEntriesRequest>("ExportEntries").start_sequence(), 1);  // once more, to compare
  EXPECT_TRUE(ErrHas("entries exported: 2"));
  EXPECT_EQ(Run({"export", "--output", Path("part.jsonl"), "--resume"}), 0) << err_.str();  // nothing has come since
  EXPECT_EQ(Bytes("part.jsonl"), kAll);
  EXPECT_TRUE(ErrHas("entries exported: 0"));
}

// Of another journal, or no export at all: left as it is.
TEST_F(ExportTest, ResumeOfWhatTheJournalDoesNotHaveIsRefused) {
  for (const char* bytes : {"{\"seq\":0}\n{\"seq\":1,\"x\":2}\n", "{\"seq\":0,\"x\":1}\n", "my notes"}) {
    Write("part.jsonl", bytes);
    EXPECT_EQ(Run({"export", "--output", Path("part.jsonl"), "--resume"}), 1) << bytes;
    EXPECT_TRUE(ErrHas("file and journal differ")) << bytes;
    EXPECT_EQ(Bytes("part.jsonl"), bytes);
  }
  std::string longer = kAll;
  longer += "{\"seq\":4}\n";
  Write("part.jsonl", longer);
  EXPECT_EQ(Run({"export", "--output", Path("part.jsonl"), "--resume"}), 1);
  EXPECT_TRUE(ErrHas("does not have the file's last entry"));
  EXPECT_EQ(Bytes("part.jsonl"), longer);
}

TEST_F(ExportTest, WhatIsRefusedLeavesNoFile) {
  server_.Script("ExportEntries", {Refuse({.reason = v1::PERMISSION_DENIED, .facts = {}})});
  EXPECT_EQ(Run({"export", "--output", Path("none.jsonl")}), 2);
  EXPECT_FALSE(std::filesystem::exists(Path("none.jsonl")));
}

TEST_F(ExportTest, AnOutputThatCannotBeWrittenIsNoSuccess) {
  EXPECT_EQ(Run({"export", "--output", "/dev/full", "--resume"}), 1);
  EXPECT_EQ(Run({"export", "--output", Path(std::string(5000, 'x'))}), 1) << err_.str();
  out_.setstate(std::ios::badbit);
  EXPECT_NE(Run({"export"}), 0);
  EXPECT_NE(Run({"journal"}), 0);
  out_.clear();
}

TEST_F(AppTest, FollowEndsAfterTheCount) {
  v1::FollowEntriesResponse message;
  for (const char* line : {"{\"seq\":0}", "{\"seq\":1}", "{\"seq\":2}"}) message.add_lines(line);
  FakeReply reply = Silence();
  reply.messages = {message.SerializeAsString()};
  server_.Script("FollowEntries", {reply});
  EXPECT_EQ(Run({"follow", "--count", "2"}), 0);
  EXPECT_EQ(out_.str(), "{\"seq\":0}\n{\"seq\":1}\n");
}

TEST_F(AppTest, ABlobMustHaveItsHash) {
  v1::GetBlobResponse response;
  response.set_content("abc");
  server_.Script("GetBlob", {Send(response)});
  EXPECT_EQ(Run({"blob", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}), 0);
  EXPECT_EQ(out_.str(), "abc");
  EXPECT_EQ(Run({"blob", std::string(64, '0')}), 5);
}

TEST_F(AppTest, AnUpdateChangesOnlyWhatWasGiven) {
  v1::GetRegistrationResponse registered;
  auto& member = *registered.mutable_registration()->mutable_member();
  member.set_name("programs/minyue/members/m1");
  member.set_grid("grid-1");
  member.add_groups(v1::RESIDENTS);
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

TEST_F(AppTest, MemberNumbersStandForMembersEverywhere) {
  v1::GetRegistrationResponse registered;
  registered.mutable_registration()->mutable_member()->set_name("programs/minyue/members/m7");
  server_.Script("GetRegistration", {Send(registered)});
  server_.Script("CreateMerchant", {Done<v1::CreateMerchantResponse>()});
  server_.Script("CreateStaff", {Done<v1::CreateStaffResponse>()});
  server_.Script("CreateMember", {Done<v1::CreateMemberResponse>()});
  EXPECT_EQ(Run({"merchant", "create", "--person", "12345674"}), 0) << err_.str();
  EXPECT_EQ(Last<v1::GetRegistrationRequest>("GetRegistration").name(), "programs/minyue/members/12345674");
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(0), "programs/minyue/members/m7");
  EXPECT_EQ(Run({"staff", "create", "--member", "12345674", "--grant", "helper"}), 0) << err_.str();
  EXPECT_EQ(Last<v1::CreateStaffRequest>("CreateStaff").staff().member(), "programs/minyue/members/m7");
  EXPECT_EQ(Run({"member", "create", "--kind", "person", "--group", "residents", "--membership", "12345674:20240101"}), 0) << err_.str();
  EXPECT_EQ(Last<v1::CreateMemberRequest>("CreateMember").member().memberships(0).member(), "programs/minyue/members/m7");
  server_.Script("GetRegistration", {Refuse({.reason = v1::MEMBER_NOT_FOUND, .facts = {}})});
  EXPECT_EQ(Run({"merchant", "create", "--person", "12345674"}), 1);
  EXPECT_TRUE(ErrHas("no such member number")) << err_.str();
}

TEST_F(AppTest, UsageIsExplainedInTheUsersLanguage) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
    const char* see;
  } cases[] = {
      {{"redeem", "--line", "RICE:1:2"}, "缺少 --member", "redpoints redeem --help"},
      {{"redeem", "--member", "12345674", "--line", "RICE:1:2", "--nope"}, "不认识的参数: --nope", "redpoints redeem --help"},
      {{"member", "create", "--kind"}, "选项缺少取值: --kind", "redpoints member create --help"},
      {{"--output", "xml", "journal"}, "xml 应为其一: {table,json}", "redpoints"},
      {{"--timeout-ms", "60000", "journal"}, "超出范围", "redpoints"},
      {{"capture", "7", "--points", "many"}, "超出范围", "redpoints capture --help"},
      {{"--request-id", "7", "capture", "7"}, "应为 UUID", "redpoints capture --help"},
      {{}, "缺少子命令", "redpoints --help"},
  };
  for (const auto& c : cases) {
    auto arguments = c.arguments;
    arguments.insert(arguments.begin(), {"--lang", "zh"});
    EXPECT_EQ(Run(arguments), 1) << c.says;
    EXPECT_TRUE(ErrHas(c.says)) << c.says << ": " << err_.str();
    EXPECT_TRUE(ErrHas(c.see)) << c.see << ": " << err_.str();
  }
}

TEST_F(AppTest, InputThatIsNoFileIsExplained) {
  for (const std::string& path : {testing::TempDir(), Path("absent.csv"), std::string(5000, 'x')}) {
    EXPECT_EQ(Run({"award-batch", path}), 1) << err_.str();
    EXPECT_NE(err_.str(), "");
  }
}

TEST_F(AppTest, ARefusedBatchNamesTheLineOfTheFile) {
  Write("awards.csv", "member,activity,quantity,effective_day,group\nm1,PATROL,1,20240315,residents\n\nm2,PATROL,1,20240315,residents\n");
  server_.Script("AwardBatch", {Refuse({.reason = v1::MEMBER_NOT_FOUND, .facts = {{"field", "items[1].member"}}})});
  EXPECT_EQ(Run({"award-batch", Path("awards.csv")}), 2);
  EXPECT_TRUE(ErrHas("the line in question: 4")) << err_.str();
}

TEST_F(AppTest, AQuoteThatIsNotApprovedSaysWhy) {
  v1::QuoteResponse response;
  response.set_points(30);
  response.mutable_refusal()->set_reason("INSUFFICIENT_POINTS");
  response.mutable_refusal()->set_zh_cn("积分不足");
  server_.Script("Quote", {Send(response)});
  EXPECT_EQ(Run({"quote", "--member", "12345678", "--line", "RICE:1:30"}), 2);
  EXPECT_TRUE(ErrHas("not approved: INSUFFICIENT_POINTS")) << err_.str();
  EXPECT_EQ(Run({"--lang", "zh", "quote", "--member", "12345678", "--line", "RICE:1:30"}), 2);
  EXPECT_TRUE(ErrHas("不能兑换: 积分不足")) << err_.str();
}

TEST_F(AppTest, TheRegistryIsFilled) {
  server_.Script("CreateProgram", {Done<v1::CreateProgramResponse>()});
  server_.Script("ConfirmClock", {Done<v1::ConfirmClockResponse>()});
  server_.Script("SetNode", {Done<v1::SetNodeResponse>()});
  server_.Script("SetFund", {Done<v1::SetFundResponse>()});
  server_.Script("AdoptRulebook", {Send(v1::AdoptRulebookResponse())});
  server_.Script("CreateMerchant", {Done<v1::CreateMerchantResponse>()});
  server_.Script("CreateTerminal", {Done<v1::CreateTerminalResponse>()});
  server_.Script("UpdateTerminal", {Done<v1::UpdateTerminalResponse>()});
  server_.Script("CreateStaff", {Done<v1::CreateStaffResponse>()});
  EXPECT_EQ(Run({"program", "create", "minyue"}), 0);
  EXPECT_EQ(Last<v1::CreateProgramRequest>("CreateProgram").program_id(), "minyue");
  EXPECT_EQ(Run({"clock", "confirm"}), 0);
  EXPECT_EQ(Run({"node", "set", "grid-1", "--kind", "place", "--parent", "c-1", "--type", "grid"}), 0);
  EXPECT_EQ(Last<v1::SetNodeRequest>("SetNode").node().parent(), "c-1");
  EXPECT_EQ(Run({"fund", "set", "street", "--budget", "1000000"}), 0);
  EXPECT_EQ(Last<v1::SetFundRequest>("SetFund").fund().budget_points(), 1'000'000);
  EXPECT_EQ(Run({"rulebook", "check", Write("rulebook.json", "{}")}), 0);
  EXPECT_TRUE(Last<v1::AdoptRulebookRequest>("AdoptRulebook").validate_only());
  EXPECT_EQ(Run({"rulebook", "adopt", Path("rulebook.json")}), 0);
  EXPECT_FALSE(Last<v1::AdoptRulebookRequest>("AdoptRulebook").validate_only());
  EXPECT_EQ(Last<v1::AdoptRulebookRequest>("AdoptRulebook").rulebook_json(), "{}");
  EXPECT_EQ(Run({"merchant", "create", "--person", "m1", "--place", "c-1"}), 0);
  EXPECT_EQ(Last<v1::CreateMerchantRequest>("CreateMerchant").merchant().people(0), "programs/minyue/members/m1");
  EXPECT_EQ(Run({"terminal", "create", "--merchant", "s1"}), 0);
  EXPECT_EQ(Last<v1::CreateTerminalRequest>("CreateTerminal").merchant(), "programs/minyue/merchants/s1");
  EXPECT_EQ(Run({"terminal", "update", "s1/t1", "--state", "revoked"}), 0);
  EXPECT_EQ(Last<v1::UpdateTerminalRequest>("UpdateTerminal").terminal().name(), "programs/minyue/merchants/s1/terminals/t1");
  EXPECT_EQ(Run({"staff", "create", "--grant", "recorder:grid-1", "--grant", "auditor", "--member", "m1"}), 0);
  EXPECT_EQ(Last<v1::CreateStaffRequest>("CreateStaff").staff().grants_size(), 2);
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
    for (const char* path : {"'program create'", "'clock confirm'", "'node set'", "'fund set'", "'rulebook adopt'",
                             "'rulebook check'", "'member create'", "'member update'", "'member import'", "'merchant create'",
                             "'merchant update'", "'terminal create'", "'terminal update'", "'staff create'", "'staff update'"}) {
      EXPECT_TRUE(OutHas(path)) << shell << " " << path;
    }
  }
}

}  // namespace
}  // namespace redpoints::cli
