#include "input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "output.hpp"

namespace rulebus::cli {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

[[noreturn]] void cannot_read(const std::string& path, int reason) {
  const char* advice = reason == ENOENT   ? "check the path"
                       : reason == EACCES ? "check its permissions"
                                          : "give a readable file or -";
  throw failure(fmt::format("cannot read {}: {}; {}", shown_path(path), std::strerror(reason), advice));
}

}  // namespace

block_reader::block_reader(std::string path, std::size_t max_line, int stop_descriptor)
    : path_(std::move(path)), max_line_(max_line), stop_descriptor_(stop_descriptor) {
  descriptor_ = path_ == "-" ? STDIN_FILENO : ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) cannot_read(path_, errno);
  struct stat about {};
  if (::fstat(descriptor_, &about) == 0) {
    if (S_ISDIR(about.st_mode)) {
      if (path_ != "-") ::close(descriptor_);
      cannot_read(path_, EISDIR);
    }
    if (S_ISREG(about.st_mode)) total_ = static_cast<std::uint64_t>(about.st_size);
  }
}

block_reader::~block_reader() {
  if (path_ != "-") ::close(descriptor_);
}

/// Waits until there is something to read, or until it is time to stop.
bool block_reader::stopped() {
  if (stop_descriptor_ < 0) return false;
  pollfd waiting[] = {{descriptor_, POLLIN, 0}, {stop_descriptor_, POLLIN, 0}};
  while (::poll(waiting, 2, -1) < 0 && errno == EINTR) {}
  return waiting[1].revents != 0;
}

std::size_t block_reader::fill(std::string& text) {
  if (stopped()) {
    text.clear();
    return 0;
  }
  const std::size_t had = text.size();
  text.resize(had + block_bytes);
  ssize_t n = 0;
  do n = ::read(descriptor_, text.data() + had, block_bytes);
  while (n < 0 && errno == EINTR);
  if (n < 0) cannot_read(path_, errno);
  text.resize(had + static_cast<std::size_t>(n));
  if (at_start_ && (text.size() >= byte_order_mark.size() || n == 0)) {
    at_start_ = false;
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  }
  return static_cast<std::size_t>(n);
}

void block_reader::skip_to_newline() {
  std::string rest;
  while (fill(rest) != 0) {
    if (const std::size_t end = rest.find('\n'); end != std::string::npos) {
      carry_ = rest.substr(end + 1);
      return;
    }
    rest.clear();
  }
}

bool block_reader::next(block& out) {
  out.text.clear();
  out.text.swap(carry_);
  out.first_line = line_;
  for (std::size_t searched = 0;;) {
    const std::size_t end = std::string_view(out.text).substr(searched).rfind('\n');
    if (end != std::string_view::npos) {
      carry_.assign(out.text, searched + end + 1);
      out.text.resize(searched + end + 1);
      line_ += static_cast<std::size_t>(std::count(out.text.begin(), out.text.end(), '\n'));
      return true;
    }
    searched = out.text.size();
    if (searched > max_line_) {
      out.text.resize(max_line_ + 1);
      skip_to_newline();
      ++line_;
      return true;
    }
    if (at_start_) searched = 0;  // a byte order mark may go
    if (fill(out.text) == 0) return !out.text.empty();
  }
}

bool blank(std::string_view line) noexcept { return line.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::string too_long_message() { return fmt::format("a line of more than {} bytes", block_reader::max_line_bytes); }

std::string read_file(const std::string& path) {
  std::string text;
  block_reader reader(path, std::string::npos);
  for (block b; reader.next(b);) text += b.text;
  return text;
}

std::string shown_path(const std::string& path) { return path == "-" ? "standard input" : path; }

}  // namespace rulebus::cli
