#include "stop_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "output.hpp"

namespace rulebus::cli {
namespace {

// What a signal handler may touch. Signals write to both pipes: `asked_pipe` stays readable, `watch_pipe` is read.
std::atomic<int> signals{0};
int asked_pipe[2] = {-1, -1}, watch_pipe[2] = {-1, -1};

void on_signal(int) {
  const int kept = errno;
  signals.fetch_add(1);
  const char byte = 's';
  static_cast<void>(!::write(asked_pipe[1], &byte, 1));
  static_cast<void>(!::write(watch_pipe[1], &byte, 1));
  errno = kept;
}

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

/// The next byte of the watch's pipe; 0 when there was none for so long (negative: for ever).
char next_byte(int timeout_milliseconds) {
  pollfd waiting{watch_pipe[0], POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&waiting, 1, timeout_milliseconds);
  while (ready < 0 && errno == EINTR);
  char byte = 0;
  if (ready > 0) static_cast<void>(!::read(watch_pipe[0], &byte, 1));
  return byte;
}

}  // namespace

stop_watch::stop_watch(std::chrono::milliseconds patience, std::function<void()> order) {
  if (::pipe2(asked_pipe, O_CLOEXEC | O_NONBLOCK) != 0 || ::pipe2(watch_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    throw failure(std::string("cannot make a pipe: ") + std::strerror(errno));
  signals = 0;
  // Broken pipes and full disks are errors of the targets that meet them.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  handle(on_signal);
  thread_ = std::thread([this, patience, f = std::move(order)] { watch(patience, f); });
}

stop_watch::~stop_watch() {
  handle(SIG_DFL);
  const char quit = 'q';
  static_cast<void>(!::write(watch_pipe[1], &quit, 1));
  thread_.join();
  for (int* const pipe : {asked_pipe, watch_pipe}) {
    ::close(std::exchange(pipe[0], -1));
    ::close(std::exchange(pipe[1], -1));
  }
}

void stop_watch::watch(std::chrono::milliseconds patience, const std::function<void()>& order) {
  if (next_byte(-1) == 'q') return;
  if (next_byte(static_cast<int>(patience.count())) == 'q') return;
  order();
  while (next_byte(-1) != 'q') {}
}

bool stop_watch::asked() const noexcept { return signals.load(std::memory_order_relaxed) > 0; }
int stop_watch::descriptor() const noexcept { return asked_pipe[0]; }

}  // namespace rulebus::cli
