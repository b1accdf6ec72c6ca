// json_minify: copies JSON without the white space between its tokens.
//
// The text must be valid JSON; of anything else something is copied, and no byte outside it is read.
// Cost: 64 bytes at a time, and one copy for each run between what is left out.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "rulebus/detail/byte_block.hpp"

namespace rulebus::inline v1::detail {

enum class string_quotes : std::uint8_t { keep, strip };

// What append_minified does.
class minifier {
 public:
  minifier(std::string& out, std::string_view json, string_quotes what) : out_(out), rest_(json.data()), quotes_(what) {
    const char* p = json.data();
    const char* const end = p + json.size();
    for (; end - p >= 64; p += 64) block(byte_block(p), p);
    if (p != end) {
      char last[64];
      std::memset(last, '0', sizeof last);  // nothing that would be left out
      std::memcpy(last, p, static_cast<std::size_t>(end - p));
      block(byte_block(last), p);
    }
    out_.append(rest_, end);
  }

 private:
  void block(const byte_block& bytes, const char* where) {
    const std::uint64_t strings = bytes.equal('"') & ~escaped_bytes(bytes.equal('\\'), is_escaped_);
    const std::uint64_t inside = prefix_xor(strings) ^ in_string_;
    in_string_ = std::uint64_t{0} - (inside >> 63);
    std::uint64_t left_out = bytes.at_most(' ') & ~inside;  // no other such byte is in JSON outside strings
    if (quotes_ == string_quotes::strip) left_out |= strings;
    for (; left_out != 0; left_out &= left_out - 1) {
      const char* const at = where + std::countr_zero(left_out);
      out_.append(rest_, at);
      rest_ = at + 1;
    }
  }

  std::string& out_;
  const char* rest_;  // what was not copied yet
  string_quotes quotes_;
  std::uint64_t in_string_ = 0;   // all bits: the next block begins in a string
  std::uint64_t is_escaped_ = 0;  // bit 0: the next block's first byte is escaped
};

/// Appends the text of one value; `strip` takes the quotes of its strings away, too.
inline void append_minified(std::string& out, std::string_view json, string_quotes what = string_quotes::keep) {
  minifier(out, json, what);
}

inline std::string minified(std::string_view json) {
  std::string out;
  append_minified(out, json);
  return out;
}

}  // namespace rulebus::inline v1::detail
