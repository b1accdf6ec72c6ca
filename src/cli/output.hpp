// output: what the verbs print. Results go to standard output in one piece per block; everything else to standard error.
// Thread safety: one thread prints.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rulebus::cli {

// Exit codes, also promised by --help and docs/cli.md.
inline constexpr int exit_fine = 0;     ///< done, and nothing to complain about
inline constexpr int exit_finding = 1;  ///< a failed case, an invalid event, an invalid pattern
inline constexpr int exit_usage = 2;    ///< the command line is wrong, or a file cannot be read or written

/// A usage or I/O error as "what, where, what to do". main prints it and exits with exit_usage.
class failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Buffered standard output. Throws failure when it cannot be written.
class standard_output {
 public:
  standard_output() = default;
  standard_output(const standard_output&) = delete;
  standard_output& operator=(const standard_output&) = delete;

  void write(std::string_view text);
  /// Hands everything on. To be called at the end: the destructor does not, as it could not report a failure.
  void flush();

 private:
  std::string buffer_;
};

/// Prints "rulebus: " and the message on standard error.
void complain(std::string_view message);

/// Appends a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD: what is printed is always valid JSON.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

/// `text` for a terminal: control characters and bytes that are not UTF-8 become U+FFFD, but for newlines and tabs.
std::string printable(std::string_view text);

/// The character at `pos` of `text`, and how many bytes it takes; U+FFFD for a byte that is not UTF-8.
struct decoded_character {
  char32_t code = 0;
  std::size_t bytes = 1;
};
decoded_character character_at(std::string_view text, std::size_t pos) noexcept;

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t n);

enum class colour_choice { automatic, always, never };
enum class colour { red, green, bold, dim };

/// Colours for standard output: when told so, or by default when it is a terminal that is not "dumb" and NO_COLOR is not set.
class painter {
 public:
  explicit painter(colour_choice choice);
  std::string operator()(colour c, std::string_view text) const;

 private:
  bool on_;
};

/// True when standard error is a terminal that can redraw a line.
bool progress_possible();

}  // namespace rulebus::cli
