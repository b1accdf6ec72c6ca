// input: files and standard input ("-"), whole or as blocks of whole lines in constant memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rulebus::cli {

/// Whole lines of a file; the last block of a file may end without a newline.
struct block {
  std::string text{};
  std::size_t first_line = 1;  ///< number of the first line
};

/// Reads a file block by block. A UTF-8 byte order mark at its start is skipped. A line longer than max_line bytes is cut to
/// max_line + 1, so that memory stays bounded and the reader of the line can tell. Throws failure when it cannot be read.
class block_reader {
 public:
  static constexpr std::size_t block_bytes = std::size_t{256} << 10;
  static constexpr std::size_t max_line_bytes = std::size_t{64} << 20;

  /// When `stop_descriptor` (-1: none) polls readable, the file ends there, without a line that was not read to its end.
  explicit block_reader(std::string path, std::size_t max_line = max_line_bytes, int stop_descriptor = -1);
  ~block_reader();
  block_reader(const block_reader&) = delete;
  block_reader& operator=(const block_reader&) = delete;

  /// Replaces `out` by the next lines, as soon as there is a whole one. False at the end.
  bool next(block& out);

  std::uint64_t total_bytes() const noexcept { return total_; }  ///< of a regular file, otherwise 0

 private:
  std::size_t fill(std::string& text);
  void skip_to_newline();
  bool stopped();

  std::string path_;
  std::size_t max_line_;
  int descriptor_ = -1, stop_descriptor_;
  std::string carry_;  ///< the beginning of a line whose end was not read yet
  std::size_t line_ = 1;
  std::uint64_t total_ = 0;
  bool at_start_ = true;
};

/// Calls f(line, number) for each line of the block, without its \n or \r\n.
template <class F>
void for_each_line(const block& b, F&& f) {
  std::string_view rest = b.text;
  for (std::size_t number = b.first_line; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    f(line, number);
  }
}

/// True when the line has nothing but white space.
bool blank(std::string_view line) noexcept;

/// "a line of more than 67108864 bytes", for lines that were cut.
std::string too_long_message();

/// The whole file, without a byte order mark. Throws failure when it cannot be read.
std::string read_file(const std::string& path);

/// The path for people: "standard input" for "-".
std::string shown_path(const std::string& path);

}  // namespace rulebus::cli
