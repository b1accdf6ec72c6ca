// Texts for the tests of those that read JSON.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace tests {

/// The text in memory of exactly its size, so that a sanitizer sees any byte read behind it.
class exact_text {
 public:
  explicit exact_text(std::string_view s) : bytes_(new char[s.size()]), size_(s.size()) {
    std::memcpy(bytes_.get(), s.data(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

/// A valid object, with nesting, escapes, white space and repeated keys.
inline std::string random_object(std::mt19937_64& random, int depth) {
  std::string out = "{";
  for (auto n = random() % 4; n > 0; --n) {
    if (out.size() > 1) out += random() % 4 == 0 ? " , " : ",";
    out += random() % 3 == 0 ? "\"k\\t\"" : "\"key\"";
    out += random() % 4 == 0 ? " : " : ":";
    if (depth > 0 && random() % 2 == 0) {
      const std::string inner = random_object(random, depth - 1);
      out += random() % 2 == 0 ? inner : "[" + inner + ", 1, [], " + inner + "]";
    } else {
      const std::string_view scalars[] = {"1",    "-12.75e-3", "-0.25", "\"text\"", "\"\xc3\xa2\"", "\"\\u0041\\\\\"",
                                          "true", "null",      "0",     "\"\""};
      out += scalars[random() % std::size(scalars)];
    }
  }
  return out + "}";
}

}  // namespace tests
