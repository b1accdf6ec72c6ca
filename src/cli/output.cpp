#include "output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rulebus::cli {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw failure(fmt::format("cannot write to standard output: {}; check the disk, or the program that reads the pipe",
                                std::strerror(errno)));
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool capable_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

void standard_output::write(std::string_view text) {
  constexpr std::size_t enough = std::size_t{64} << 10;
  if (buffer_.size() + text.size() > enough) flush();
  if (text.size() > enough) return write_all(STDOUT_FILENO, text);
  buffer_ += text;
}

void standard_output::flush() {
  write_all(STDOUT_FILENO, buffer_);
  buffer_.clear();
}

void complain(std::string_view message) { fmt::print(stderr, "rulebus: {}\n", printable(message)); }

decoded_character character_at(std::string_view text, std::size_t pos) noexcept {
  constexpr decoded_character bad{U'\ufffd', 1};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[pos + i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - pos < length) return bad;
  char32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return bad;
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return bad;
  return {code, length};
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t pos = 0; pos < text.size();) {
    const decoded_character c = character_at(text, pos);
    if (c.code == '"' || c.code == '\\') {
      out += '\\';
      out += text[pos];
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (c.code < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c.code));
    } else if (c.code >= 0x80 && c.bytes == 1) {
      out += replacement;
    } else {
      out += text.substr(pos, c.bytes);
    }
    pos += c.bytes;
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) {
    const decoded_character c = character_at(text, pos);
    const bool control = (c.code < 0x20 && c.code != '\n' && c.code != '\t') || (c.code >= 0x7f && c.code < 0xa0);
    const bool broken = c.code >= 0x80 && c.bytes == 1;
    out += control || broken ? replacement : text.substr(pos, c.bytes);
    pos += c.bytes;
  }
  return out;
}

std::string grouped(std::uint64_t n) {
  std::string digits = fmt::format("{}", n);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

painter::painter(colour_choice choice)
    : on_(choice == colour_choice::always ||
          (choice == colour_choice::automatic && capable_terminal(STDOUT_FILENO) && !set("NO_COLOR"))) {}

std::string painter::operator()(colour c, std::string_view text) const {
  if (!on_) return std::string(text);
  static constexpr const char* codes[] = {"31", "32", "1", "2"};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<int>(c)], text);
}

bool progress_possible() { return capable_terminal(STDERR_FILENO); }

}  // namespace rulebus::cli
