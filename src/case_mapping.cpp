#include "rulebus/detail/case_mapping.hpp"

#include <algorithm>
#include <iterator>

#include "rulebus/detail/utf8.hpp"

namespace rulebus::inline v1::detail {

namespace case_mapping {

// Characters `first`, `first` + step, … `last`, each with its case mappings at the same distances.
struct case_range {
  std::uint32_t first, last, step;
  std::int32_t lower, upper;
};
// Ended by a zero when shorter than three.
struct case_special {
  std::uint32_t code, lower[3], upper[3];
};

#include "case_table.inc"

struct mapped {
  std::uint32_t characters[3] = {};
};

const case_special* find_special(std::uint32_t code) {
  const auto* at = std::lower_bound(std::begin(case_specials), std::end(case_specials), code,
                                    [](const case_special& s, std::uint32_t c) { return s.code < c; });
  return at != std::end(case_specials) && at->code == code ? at : nullptr;
}

const case_range* find_range(std::uint32_t code) {
  const auto* at = std::upper_bound(std::begin(case_ranges), std::end(case_ranges), code,
                                    [](std::uint32_t c, const case_range& r) { return c < r.first; });
  for (int tries = 0; tries < 2 && at != std::begin(case_ranges); ++tries) {
    --at;
    if (code <= at->last && (code - at->first) % at->step == 0) return at;
  }
  return nullptr;
}

mapped map_case(std::uint32_t code, bool upper) {
  mapped out;
  if (code < 0x80) {
    const std::uint32_t first = upper ? 'a' : 'A';
    out.characters[0] = code >= first && code < first + 26 ? code ^ 0x20U : code;
    return out;
  }
  if (const case_special* s = find_special(code)) {
    std::copy_n(upper ? s->upper : s->lower, 3, out.characters);
    return out;
  }
  const case_range* r = find_range(code);
  out.characters[0] =
      r == nullptr ? code : static_cast<std::uint32_t>(static_cast<std::int32_t>(code) + (upper ? r->upper : r->lower));
  return out;
}

std::string text_of(const mapped& m) {
  std::string out;
  for (const std::uint32_t c : m.characters) {
    if (c != 0) append_utf8(out, c);
  }
  return out;
}

void accept(caseless_text::character& c, std::string text) {
  if (std::find(c.accepts, c.accepts + c.count, text) == c.accepts + c.count) c.accepts[c.count++] = std::move(text);
}

// The set of positions, kept sorted and distinct. The alternatives of one character differ in length by a few bytes, so the
// set stays small.
void insert(std::vector<std::uint32_t>& set, std::size_t first, std::uint32_t position) {
  const auto at = std::lower_bound(set.begin() + static_cast<std::ptrdiff_t>(first), set.end(), position);
  if (at == set.end() || *at != position) set.insert(at, position);
}

char ascii_lower(char c) noexcept { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }
bool equals_lower(char c, char lower) noexcept { return ascii_lower(c) == lower; }

// The same as run for a pattern text that is ASCII.
bool run_ascii(std::string_view lower, std::string_view value, bool backwards, std::vector<std::uint32_t>& scratch) {
  if (value.size() < lower.size()) return false;
  const std::string_view part = backwards ? value.substr(value.size() - lower.size()) : value.substr(0, lower.size());
  scratch.assign(1, static_cast<std::uint32_t>(lower.size()));
  return std::equal(part.begin(), part.end(), lower.begin(), equals_lower);
}

// Runs the characters over the value, forwards from its beginning or backwards from its end. Afterwards `scratch` holds the
// distances from there at which a match can end.
bool run(const caseless_text& p, std::string_view value, bool backwards, std::vector<std::uint32_t>& scratch) {
  if (!p.ascii.empty()) return run_ascii(p.ascii, value, backwards, scratch);
  scratch.assign(1, 0);
  const std::size_t count = p.characters.size();
  for (std::size_t i = 0; i < count; ++i) {
    const caseless_text::character& c = p.characters[backwards ? count - 1 - i : i];
    const std::size_t alive = scratch.size();
    for (std::size_t k = 0; k < alive; ++k) {
      const std::size_t at = scratch[k];
      const std::string_view rest = backwards ? value.substr(0, value.size() - at) : value.substr(at);
      for (std::uint8_t a = 0; a < c.count; ++a) {
        const std::string& text = c.accepts[a];
        if (backwards ? rest.ends_with(text) : rest.starts_with(text)) {
          insert(scratch, alive, static_cast<std::uint32_t>(at + text.size()));
        }
      }
    }
    scratch.erase(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(alive));
    if (scratch.empty()) return false;
  }
  return true;
}

}  // namespace case_mapping

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

caseless_text make_caseless(std::string_view text) {
  caseless_text out;
  out.characters.reserve(static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; })));
  for (std::size_t i = 0; i < text.size();) {
    const utf8_character c = decode_utf8(text, i);
    const std::size_t length = std::max<std::size_t>(1, c.length);
    caseless_text::character& added = out.characters.emplace_back();
    case_mapping::accept(added, std::string(text.substr(i, length)));
    if (c.code != 0) {  // neither U+0000, which ends a mapping in the table, nor invalid
      case_mapping::accept(added, case_mapping::text_of(case_mapping::map_case(c.code, false)));
      case_mapping::accept(added, case_mapping::text_of(case_mapping::map_case(c.code, true)));
    }
    i += length;
  }
  if (is_ascii(text)) {
    out.ascii = text;
    std::transform(out.ascii.begin(), out.ascii.end(), out.ascii.begin(), case_mapping::ascii_lower);
  }
  return out;
}

bool caseless_equals(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch) {
  if (!p.ascii.empty()) {
    return p.ascii.size() == value.size() && std::equal(value.begin(), value.end(), p.ascii.begin(), case_mapping::equals_lower);
  }
  return case_mapping::run(p, value, false, scratch) && scratch.back() == value.size();
}

bool caseless_prefix(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch) {
  return case_mapping::run(p, value, false, scratch);
}

bool caseless_suffix(const caseless_text& p, std::string_view value, std::vector<std::uint32_t>& scratch) {
  return case_mapping::run(p, value, true, scratch);
}

// Lower case of upper case of lower case: the one of the three compositions under which a character and both its mappings
// get the same key, for every character of Unicode 14 (a test tries them all).
void append_folded(std::string_view text, std::string& out) {
  if (is_ascii(text)) {
    const std::size_t before = out.size();
    out += text;
    for (std::size_t i = before; i < out.size(); ++i) out[i] = case_mapping::ascii_lower(out[i]);
    return;
  }
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      out.push_back(case_mapping::ascii_lower(text[i++]));
      continue;
    }
    const utf8_character c = decode_utf8(text, i);
    if (c.length == 0) {
      out.push_back(text[i++]);
      continue;
    }
    for (const std::uint32_t low : case_mapping::map_case(c.code, false).characters) {
      if (low == 0) break;
      for (const std::uint32_t high : case_mapping::map_case(low, true).characters) {
        if (high == 0) break;
        out += case_mapping::text_of(case_mapping::map_case(high, false));
      }
    }
    i += c.length;
  }
}

}  // namespace rulebus::inline v1::detail
