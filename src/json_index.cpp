#include "rulebus/detail/json_index.hpp"

#include <simdjson.h>

#include <cstring>
#include <new>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_shapes.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/json_tokens.hpp"

namespace rulebus::inline v1::detail {

namespace json_index_source {

// Buffers are for texts of a power of two of bytes.
std::size_t capacity_for(std::size_t bytes) {
  std::size_t capacity = 4096;
  while (capacity < bytes) capacity *= 2;
  return capacity;
}

// The number or literal at this token, as far as the next token and less the white space before that.
std::string_view scalar_at(std::string_view text, const token_rows& tokens, std::uint32_t token) {
  std::string_view out = text.substr(tokens.offsets[token], tokens.offsets[token + 1] - tokens.offsets[token]);
  while (is_json_space(out.back())) out.remove_suffix(1);
  return out;
}

// What a shape does not say.
bool has_valid_tokens(std::string_view text, const token_rows& tokens, const json_shape& shape) {
  for (std::uint32_t i = shape.first_literal; i != 0; i = shape.link[i]) {
    const std::string_view word = scalar_at(text, tokens, i);
    if (word != "true" && word != "false" && word != "null") return false;
  }
  for (std::uint32_t i = tokens.has_plain_numbers ? 0 : shape.first_number; i != 0; i = shape.link[i]) {
    const std::string_view number = scalar_at(text, tokens, i);
    if (!is_number(number.data(), number.data() + number.size(), text.data() + text.size())) return false;
  }
  return !tokens.has_escapes || valid_escapes(text);
}

}  // namespace json_index_source

// Two first stages: ours where the processor can, and simdjson's. The latter is reached through the implementation object that
// its own parsers use: the public parsers read the indexes on the user's behalf, and one that yields them without a second
// pass does not exist.
class json_index::impl {
 public:
  explicit impl(bool portable) {
    if (!portable && can_find_tokens_avx2()) find_tokens_ = find_tokens_avx2;
    if (!portable && can_find_tokens_avx512()) find_tokens_ = find_tokens_avx512;
  }

  bool run(std::string_view text, json_structure& out) {
    return find_tokens_ != nullptr ? run_ours(text, out) : run_simdjson(text, out);
  }

  void remember() {
    if (find_tokens_ != nullptr) shapes_.add(tokens_);
  }

 private:
  bool run_ours(std::string_view text, json_structure& out) {
    if (capacity_ < text.size()) {
      const std::size_t capacity = json_index_source::capacity_for(text.size());
      offsets_ = std::make_unique_for_overwrite<std::uint32_t[]>(token_room(capacity));
      kinds_ = std::make_unique_for_overwrite<std::uint8_t[]>(token_room(capacity));
      capacity_ = capacity;
    }
    tokens_ = {offsets_.get(), kinds_.get()};
    if (!find_tokens_(text, tokens_)) return false;
    if (tokens_.has_other_than_ascii && !simdjson::validate_utf8(text.data(), text.size())) return false;
    if (tokens_.count < 2) return false;
    out.index = tokens_.offsets;
    out.count = tokens_.count;
    out.has_escapes = tokens_.has_escapes;
    out.has_plain_numbers = tokens_.has_plain_numbers;
    out.shape = shapes_.find(tokens_);
    return out.shape == nullptr || json_index_source::has_valid_tokens(text, tokens_, *out.shape);
  }

  bool run_simdjson(std::string_view text, json_structure& out) {
    if (parser_ == nullptr || parser_->capacity() < text.size()) {
      constexpr std::size_t no_second_stage = 1;
      if (simdjson::get_active_implementation()->create_dom_parser_implementation(
              json_index_source::capacity_for(text.size()), no_second_stage, parser_) != simdjson::SUCCESS) {
        throw std::bad_alloc();
      }
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    if (parser_->stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS) return false;
    out.index = parser_->structural_indexes.get();
    out.count = parser_->n_structural_indexes;
    out.has_escapes = std::memchr(text.data(), '\\', text.size()) != nullptr;
    return true;
  }

  bool (*find_tokens_)(std::string_view, token_rows&) noexcept = nullptr;  // ours
  std::size_t capacity_ = 0;
  std::unique_ptr<std::uint32_t[]> offsets_;
  std::unique_ptr<std::uint8_t[]> kinds_;
  token_rows tokens_;
  json_shapes shapes_;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

json_index::json_index(bool portable) : impl_(std::make_unique<impl>(portable)) {}
json_index::~json_index() = default;

bool json_index::build(std::string_view text, const event_options& options, json_structure& out) {
  if (text.empty() || !has_allowed_size(text, options)) return false;
  out = {};
  out.text = text.data();
  out.size = static_cast<std::uint32_t>(text.size());
  if (!impl_->run(text, out)) return false;
  return out.count >= 2 && text[out.index[0]] == '{' && text[out.index[out.count - 1]] == '}';
}

void json_index::remember() { impl_->remember(); }

error what_is_wrong(std::string_view text, const event_options& options) {
  if (!has_allowed_size(text, options)) {
    return error_at(errc::limit_exceeded,
                    "The event has " + std::to_string(text.size()) + " bytes, more than event_options::max_bytes allows", text,
                    0);
  }
  if (auto checked = check_json_object(text, options.max_depth); !checked) return std::move(checked).error();
  return error_at(errc::invalid_json, "The event is not valid JSON", text, 0);
}

}  // namespace rulebus::inline v1::detail
