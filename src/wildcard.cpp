#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

#include "rulebus/detail/pattern_program.hpp"

namespace rulebus::inline v1 {

namespace detail {

namespace wildcard {

// A position stands before a byte or a star of the wildcard, or at its end. A value keeps a set of them alive, which each of
// its bytes moves on: a byte of the wildcard moves to the next position, a star stays alive, and so does what follows it.
class positions {
 public:
  explicit positions(const wildcard_pieces& pieces) {
    std::string bytes;  // with something at the stars, which are told by stars_
    std::vector<std::size_t> stars;
    for (const std::string& piece : pieces.literals) {
      if (&piece != &pieces.literals.front()) {
        stars.push_back(bytes.size());
        bytes += '*';
      }
      bytes += piece;
    }
    count_ = bytes.size() + 1;
    words_ = (count_ + 63) / 64;
    stars_.resize(words_);
    for (const std::size_t at : stars) stars_[at / 64] |= std::uint64_t{1} << at % 64;
    std::string alphabet = bytes;
    std::sort(alphabet.begin(), alphabet.end());
    alphabet.erase(std::unique(alphabet.begin(), alphabet.end()), alphabet.end());
    steps_.assign(alphabet.size() + 1, set(words_));  // the last is every other byte, which moves nothing
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (!contains(stars_, i)) steps_[alphabet.find(bytes[i])][i / 64] |= std::uint64_t{1} << i % 64;
    }
  }

  // The size of the largest set that one value can keep alive, by trying all sets that values lead to; the number of all
  // positions when that is too much work.
  std::size_t most_alive() const {
    constexpr std::size_t max_sets = 4096, max_work = std::size_t{1} << 20;
    std::set<set> seen;
    std::vector<const set*> waiting;
    set start(words_);
    start[0] = 1;
    add_behind_stars(start);
    std::size_t most = size(start), work = 0;
    waiting.push_back(&*seen.insert(std::move(start)).first);
    while (!waiting.empty()) {
      const set* from = waiting.back();
      waiting.pop_back();
      for (const set& step : steps_) {
        work += words_;
        const auto [to, added] = seen.insert(next(*from, step));
        if (!added) continue;
        if (seen.size() > max_sets || work > max_work) return count_;
        most = std::max(most, size(*to));
        waiting.push_back(&*to);
      }
    }
    return most;
  }

 private:
  using set = std::vector<std::uint64_t>;

  static bool contains(const set& s, std::size_t at) { return (s[at / 64] >> at % 64 & 1U) != 0; }

  set next(const set& from, const set& step) const {
    set to(words_);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < words_; ++i) {
      const std::uint64_t moved = from[i] & step[i];
      to[i] = (from[i] & stars_[i]) | moved << 1 | carry;
      carry = moved >> 63;
    }
    add_behind_stars(to);
    return to;
  }

  // No two stars follow each other, so one step is all.
  void add_behind_stars(set& s) const {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < words_; ++i) {
      const std::uint64_t moved = s[i] & stars_[i];
      s[i] |= moved << 1 | carry;
      carry = moved >> 63;
    }
  }

  static std::size_t size(const set& s) {
    std::size_t count = 0;
    for (const std::uint64_t word : s) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }

  std::size_t count_ = 0, words_ = 0;
  set stars_;
  std::vector<set> steps_;  // for each byte of the wildcard: the positions that it moves on
};

}  // namespace wildcard

result<wildcard_pieces> parse_wildcard(std::string_view text) {
  // The service counts bytes of the quoted text, so the first character is at 1.
  const auto fail = [](const char* what, std::size_t at) {
    return error{errc::invalid_pattern, fmt::format("{} at pos {}", what, at + 1)};
  };
  wildcard_pieces out;
  out.literals.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char following = i + 1 < text.size() ? text[i + 1] : '"';
    if (text[i] == '*') {
      if (following == '*') return fail("Consecutive wildcard characters", i);
      out.literals.emplace_back();
    } else if (text[i] == '\\') {
      if (following != '*' && following != '\\') return fail("Invalid escape character", i);
      out.literals.back() += following;
      ++i;
    } else {
      out.literals.back() += text[i];
    }
  }
  return out;
}

}  // namespace detail

result<std::size_t> wildcard_complexity(std::string_view wildcard) {
  const result<detail::wildcard_pieces> pieces = detail::parse_wildcard(wildcard);
  if (!pieces) return pieces.error();
  return detail::wildcard::positions(*pieces).most_alive();
}

}  // namespace rulebus::inline v1
