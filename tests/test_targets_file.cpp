#include "rulebus/targets/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"
#include "rulebus/executor.hpp"

namespace {
std::atomic<int> syncs{0}, failing_syncs{0};
}

// In place of the C library's: counted, and failing when a test wants it to.
extern "C" int fdatasync(int fd) {
  ++syncs;
  if (failing_syncs > 0) {
    --failing_syncs;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

using namespace rulebus;
using probe::texts;
namespace fs = std::filesystem;

namespace {

// An empty directory, for the length of a test.
class directory {
 public:
  directory() {
    std::string name = (fs::temp_directory_path() / "rulebus-file-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~directory() { fs::remove_all(path_); }
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  std::string file(const char* name = "log") const { return (path_ / name).string(); }
  texts names() const {
    texts all;
    for (const auto& entry : fs::directory_iterator(path_)) all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  fs::path path_;
};

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

// A delivery of this input, whatever it is, whose answer is added to a list.
class of_input final : public detail::answerable {
 public:
  of_input(std::string input, texts& answers) : answerable(event::checked("{}")), input_(std::move(input)), answers_(answers) {}
  std::string_view input() const noexcept override { return input_; }
  delivery_details details() const noexcept override { return {}; }
  void answer(std::uint32_t, delivery_outcome&& o) override {
    answers_.push_back(o.status ? "succeeded" : (o.retryable ? "retry: " : "fail: ") + o.status.error().message);
  }

 private:
  std::string input_;
  texts& answers_;
};

delivery make(std::string input, texts& answers) {
  return {detail::counted_ptr<detail::answerable>(new of_input(std::move(input), answers)), 1};
}
std::string put(target& t, std::string input) {
  texts answers;
  t.deliver(make(std::move(input), answers));
  return answers.at(0);
}
texts put_batch(target& t, const texts& inputs) {
  texts answers;
  std::vector<delivery> batch;
  for (const std::string& input : inputs) batch.push_back(make(input, answers));
  t.deliver_batch(std::move(batch));
  return answers;
}
std::shared_ptr<file_target> open(file_options o) { return file_target::open(std::move(o)).value(); }

// Runs f in a process of its own, with files limited to so many bytes; "" when it returns "".
std::string with_file_limit(rlim_t bytes, const std::function<std::string()>& f) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string answer = f();
    static_cast<void>(!::write(ends[1], answer.data(), answer.size()));
    _exit(0);
  }
  close(ends[1]);
  std::string answer(4096, '\0');
  const ssize_t n = ::read(ends[0], answer.data(), answer.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  answer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return answer;
}
void lift_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace

TEST_CASE("file: each delivery is a line at the end of the file") {
  const directory d;
  write(d.file(), "before\n");
  bus b("test");
  b.put_rule(probe::from_shop("r")).value();
  b.put_target("r", {.id = "log", .target = open({.path = d.file()})}).value();
  CHECK(b.put_event_json(R"({"source":"shop","n":1})"));
  CHECK(read(d.file()) == "before\n{\"source\":\"shop\",\"n\":1}\n");
  CHECK(b.put_event_json("{\"source\": \"shop\"}"));
  CHECK(read(d.file()) == "before\n{\"source\":\"shop\",\"n\":1}\n{\"source\": \"shop\"}\n");
  CHECK(b.flush());
}

TEST_CASE("file: JSON over several lines becomes one line, text keeps the lines that it has") {
  const directory d;
  const auto t = open({.path = d.file()});
  const auto line = [&](const char* input) {
    fs::resize_file(d.file(), 0);
    CHECK(put(*t, input) == "succeeded");
    return read(d.file());
  };
  CHECK(line("{\n  \"a\": [1,\n 2],\n  \"b c\": \"d e\"\n}") == "{\"a\":[1,2],\"b c\":\"d e\"}\n");
  CHECK(line("{\"a\": 1}\n") == "{\"a\": 1}\n");
  CHECK(line("{\"a\":\n1}\n") == "{\"a\":1}\n");
  CHECK(line("\"one\\ntwo\"") == "\"one\\ntwo\"\n");
  CHECK(line("\"one\ntwo\"") == "\"one\ntwo\"\n");
  CHECK(line("first line\nsecond  line") == "first line\nsecond  line\n");
  CHECK(line("first\n\nthird\n") == "first\n\nthird\n");
  CHECK(line("{\"a\":1}\n{\"a\": 2}") == "{\"a\":1}\n{\"a\": 2}\n");
  CHECK(line("") == "\n");
}

TEST_CASE("file: a template of several lines makes as many lines") {
  const directory d;
  bus b("test");
  b.put_rule(probe::from_shop("r")).value();
  const input_transformer text{{{"n", "$.n"}}, "\"number <n>\"\n\"and another line\""};
  b.put_target("r", {.id = "log", .target = open({.path = d.file()}), .input = {.input_transformer = text}}).value();
  CHECK(b.put_event_json(R"({"source":"shop","n":1})"));
  CHECK(b.put_event_json(R"({"source":"shop","n":2})"));
  CHECK(read(d.file()) == "\"number 1\"\n\"and another line\"\n\"number 2\"\n\"and another line\"\n");
}

TEST_CASE("file: a line that somebody left unfinished is ended first") {
  const directory d;
  write(d.file(), "{\"a\":1}\n{\"to");
  CHECK(put(*open({.path = d.file()}), "{\"b\":2}") == "succeeded");
  CHECK(read(d.file()) == "{\"a\":1}\n{\"to\n{\"b\":2}\n");
}

TEST_CASE("file: it is made with the permissions asked for") {
  const directory d;
  const mode_t mask = umask(022);
  open({.path = d.file(), .permissions = 0666});
  umask(mask);
  CHECK(static_cast<unsigned>(fs::status(d.file()).permissions()) == 0644);
}

// ---- rotation

TEST_CASE("file: what would be longer than max_bytes goes to the next file, and the oldest goes") {
  const directory d;
  const auto t = open({.path = d.file(), .max_bytes = 6, .keep = 2});
  for (const char* n : {"1", "2", "3", "4", "5", "6", "7", "8", "9"}) CHECK(put(*t, n) == "succeeded");
  CHECK(read(d.file()) == "7\n8\n9\n");
  CHECK(read(d.file("log.1")) == "4\n5\n6\n");
  CHECK(read(d.file("log.2")) == "1\n2\n3\n");
  CHECK(put(*t, "long as it is") == "succeeded");  // has a file of its own
  CHECK(put(*t, "a") == "succeeded");
  CHECK(read(d.file()) == "a\n");
  CHECK(read(d.file("log.1")) == "long as it is\n");
  CHECK(d.names() == texts{"log", "log.1", "log.2"});
}

TEST_CASE("file: a batch is divided between deliveries where it rotates, and nowhere else") {
  const directory d;
  const auto t = open({.path = d.file(), .max_bytes = 8, .keep = 9});
  CHECK(put_batch(*t, {"1", "two\n22", "3"}) == texts(3, "succeeded"));
  CHECK(put_batch(*t, {"4", "5", "6", "7"}) == texts(4, "succeeded"));
  CHECK(read(d.file("log.3")) == "1\n");
  CHECK(read(d.file("log.2")) == "two\n22\n");
  CHECK(read(d.file("log.1")) == "3\n4\n5\n6\n");
  CHECK(read(d.file()) == "7\n");
  CHECK(put_batch(*t, {}).empty());
}

TEST_CASE("file: with keep 0 what is full is removed") {
  const directory d;
  const auto t = open({.path = d.file(), .max_bytes = 2, .keep = 0});
  for (const char* n : {"1", "2", "3"}) CHECK(put(*t, n) == "succeeded");
  CHECK(read(d.file()) == "3\n");
  CHECK(d.names() == texts{"log"});
}

TEST_CASE("file: rotation that fails is a retry, loses nothing however often it is tried, and works once it can") {
  const directory d;
  const auto t = open({.path = d.file(), .max_bytes = 2, .keep = 1});
  CHECK(put(*t, "1") == "succeeded");
  fs::create_directory(d.file("log.1"));
  write(d.file("log.1/in the way"), "");
  for (int i = 0; i < 3; ++i) CHECK(put(*t, "2") == "retry: " + d.file() + " cannot be rotated: Is a directory");
  CHECK(read(d.file()) == "1\n");
  fs::remove_all(d.file("log.1"));
  CHECK(put(*t, "2") == "succeeded");
  CHECK(read(d.file("log.1")) == "1\n");
  CHECK(read(d.file()) == "2\n");
}

TEST_CASE("file: a gap among the rotated files is filled, and what is behind it stays") {
  const directory d;
  write(d.file("log.1"), "one\n");
  write(d.file("log.3"), "three\n");
  const auto t = open({.path = d.file(), .max_bytes = 2, .keep = 3});
  CHECK(put_batch(*t, {"1", "2"}) == texts(2, "succeeded"));
  CHECK(read(d.file("log.1")) == "1\n");
  CHECK(read(d.file("log.2")) == "one\n");
  CHECK(read(d.file("log.3")) == "three\n");
}

TEST_CASE("file: when others move or remove the file, a new one is made") {
  const directory d;
  const auto t = open({.path = d.file()});
  CHECK(put(*t, "1") == "succeeded");
  fs::rename(d.file(), d.file("moved"));
  CHECK(put(*t, "2") == "succeeded");
  CHECK(read(d.file("moved")) == "1\n");
  CHECK(read(d.file()) == "2\n");
  fs::remove(d.file());
  CHECK(put(*t, "3") == "succeeded");
  CHECK(read(d.file()) == "3\n");
  fs::rename(d.file(), d.file("moved"));
  write(d.file(), "of others\n");
  CHECK(put(*t, "4") == "succeeded");
  CHECK(read(d.file()) == "of others\n4\n");
  fs::remove(d.file());
  CHECK(t->reopen());
  CHECK(d.names() == texts{"log", "moved"});
}

// ---- what goes wrong

TEST_CASE("file: paths that cannot work are errors at once") {
  const directory d;
  const auto refused = [](file_options o) { return file_target::open(std::move(o)).error(); };
  CHECK(refused({.path = d.file("no/log")}) ==
        error{errc::target_failed, d.file("no/log") + " cannot be opened: No such file or directory"});
  CHECK(refused({.path = fs::path(d.file()).parent_path().string()}).message.ends_with("cannot be opened: Is a directory"));
  REQUIRE(mkfifo(d.file("pipe").c_str(), 0600) == 0);
  CHECK(refused({.path = d.file("pipe")}).message.ends_with("cannot be opened: it is a pipe, not a file"));
  CHECK(refused({}).code == errc::invalid_argument);
  CHECK(refused({.path = std::string("a\0b", 3)}).code == errc::invalid_argument);
  CHECK(refused({.path = d.file(), .keep = 10'001}).code == errc::invalid_argument);
  CHECK(refused({.path = d.file(), .permissions = 01777}).code == errc::invalid_argument);
  CHECK(d.names() == texts{"pipe"});
}

TEST_CASE("file: a full disk is a retry with the reason") {
  const auto t = open({.path = "/dev/full"});
  CHECK(put(*t, "1") == "retry: /dev/full cannot be written: No space left on device");
  CHECK(put_batch(*t, {"1", "2"}) == texts(2, "retry: /dev/full cannot be written: No space left on device"));
}

TEST_CASE("file: when the directory is gone deliveries wait for it") {
  const directory d;
  fs::create_directory(d.file("sub"));
  const auto t = open({.path = d.file("sub/log")});
  fs::remove_all(d.file("sub"));
  CHECK(put(*t, "1") == "retry: " + d.file("sub/log") + " cannot be opened: No such file or directory");
  fs::create_directory(d.file("sub"));
  CHECK(put(*t, "1") == "succeeded");
  CHECK(read(d.file("sub/log")) == "1\n");
}

TEST_CASE("file: what was written of a line when the disk was full is cut off again") {
  const directory d;
  const std::string answer = with_file_limit(10, [&] {
    const auto t = open({.path = d.file()});
    std::string seen = put(*t, "12345") + "; ";
    seen += put(*t, "abcdefgh") + "; ";
    seen += read(d.file()) == "12345\n" ? "whole; " : "torn; ";
    for (const std::string& one : put_batch(*t, {"x", "abcdefgh"})) seen += one + "; ";
    seen += read(d.file()) == "12345\n" ? "whole; " : "torn; ";
    lift_file_limit();
    return seen + put(*t, "abcdefgh");
  });
  const std::string full = "retry: " + d.file() + " cannot be written: File too large; ";
  CHECK(answer == "succeeded; " + full + "whole; " + full + full + "whole; succeeded");
  CHECK(read(d.file()) == "12345\nabcdefgh\n");
}

TEST_CASE("file: where it cannot be cut off it is completed before anything else is written") {
  // A file in memory that may grow and not shrink.
  const int memory = memfd_create("log", MFD_ALLOW_SEALING);
  REQUIRE(memory >= 0);
  REQUIRE(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  const std::string path = "/proc/self/fd/" + std::to_string(memory);
  const std::string answer = with_file_limit(10, [&] {
    const auto t = open({.path = path});
    std::string seen;
    for (const std::string& one : put_batch(*t, {"1234", "abcdefgh", "x"})) seen += one + "; ";
    seen += put(*t, "y") + "; ";
    lift_file_limit();
    seen += put(*t, "y") + "; ";
    return seen + put(*t, "abcdefgh");
  });
  const std::string full = "retry: " + path + " cannot be written: File too large; ";
  CHECK(answer == "succeeded; " + full + full + full + "succeeded; succeeded");
  CHECK(read(path) == "1234\nabcdefgh\ny\nabcdefgh\n");
  close(memory);
}

// ---- the disk

TEST_CASE("file: sync_every says after how many deliveries the disk has them") {
  const directory d;
  const auto synced_by = [&](std::size_t every) {
    const auto t = open({.path = d.file(), .sync_every = every});
    syncs = 0;
    for (int i = 0; i < 6; ++i) CHECK(put(*t, "1") == "succeeded");
    CHECK(put_batch(*t, {"1", "2", "3"}) == texts(3, "succeeded"));
    return syncs.load();
  };
  CHECK(synced_by(0) == 0);
  CHECK(synced_by(1) == 7);
  CHECK(synced_by(3) == 3);
  syncs = 0;
  {
    const auto t = open({.path = d.file(), .sync_every = 100});
    CHECK(put(*t, "1") == "succeeded");
    CHECK(t->sync());
    CHECK(syncs == 1);
    CHECK(put(*t, "1") == "succeeded");
  }
  CHECK(syncs == 2);  // with the end of the target
}

TEST_CASE("file: what the disk did not take is cut off, and asked for again") {
  const directory d;
  const auto t = open({.path = d.file(), .sync_every = 1});
  failing_syncs = 2;
  const std::string trouble = "retry: " + d.file() + " cannot be brought to the disk: Input/output error";
  CHECK(put(*t, "1") == trouble);
  CHECK(put_batch(*t, {"1", "2"}) == texts(2, trouble));
  CHECK(read(d.file()).empty());
  CHECK(put(*t, "1") == "succeeded");
  failing_syncs = 1;
  CHECK(t->sync().error().code == errc::target_failed);
  CHECK(read(d.file()) == "1\n");
}

// ---- with a bus

TEST_CASE("file: events that could not be written are in the file after the retries, each once") {
  const directory d;
  fs::create_directory(d.file("sub"));
  const auto time = std::make_shared<manual_clock>();
  bus b("test", {.clock = time, .executor = make_manual_executor()});
  b.put_rule(probe::from_shop("r")).value();
  delivery_options batched;
  batched.batch.size = 10;
  b.put_target("r", {.id = "log", .target = open({.path = d.file("sub/log")}), .delivery = batched}).value();
  fs::remove_all(d.file("sub"));
  texts expected;
  for (int n = 0; n < 25; ++n) {
    expected.push_back(R"({"source":"shop","n":)" + std::to_string(n) + "}");
    CHECK(b.put_event_json(expected.back()));
  }
  b.pump();
  fs::create_directory(d.file("sub"));
  time->advance(std::chrono::hours(1));
  CHECK(b.flush());
  texts got;
  std::ifstream in(d.file("sub/log"));
  for (std::string line; std::getline(in, line);) got.push_back(line);
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  CHECK(got == expected);
}

TEST_CASE("file: among several threads lines stay whole, also while it rotates") {
  const directory d;
  const auto t = open({.path = d.file(), .max_bytes = 5000, .keep = 1000});
  constexpr int threads = 4, each = 1000;
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&, i] {
        for (int n = 0; n < each; ++n)
          CHECK(put(*t, std::string(20, static_cast<char>('a' + i)) + std::to_string(n)) == "succeeded");
      });
    }
  }
  texts lines;
  for (const std::string& name : d.names()) {
    CHECK(fs::file_size(d.file(name.c_str())) <= 5000);
    std::ifstream in(d.file(name.c_str()));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  texts expected;
  for (int i = 0; i < threads; ++i) {
    for (int n = 0; n < each; ++n) expected.push_back(std::string(20, static_cast<char>('a' + i)) + std::to_string(n));
  }
  std::sort(expected.begin(), expected.end());
  CHECK(lines == expected);
}
