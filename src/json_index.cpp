#include "rulebus/detail/json_index.hpp"

#include <simdjson.h>

#include <cstring>
#include <new>

#include "rulebus/detail/json_reader.hpp"

namespace rulebus::inline v1::detail {

// simdjson's stages are reached through the implementation object that its own parsers use: the public parsers read the
// indexes on the user's behalf, and one that yields them without a second pass does not exist.
class json_index::impl {
 public:
  bool reserve(std::size_t bytes) {
    if (parser_ != nullptr && parser_->capacity() >= bytes) return true;
    std::size_t capacity = 4096;
    while (capacity < bytes) capacity *= 2;
    constexpr std::size_t no_second_stage = 1;
    return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, no_second_stage, parser_) ==
           simdjson::SUCCESS;
  }

  bool run(std::string_view text) noexcept {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    return parser_->stage1(bytes, text.size(), simdjson::stage1_mode::regular) == simdjson::SUCCESS;
  }

  const std::uint32_t* index() const noexcept { return parser_->structural_indexes.get(); }
  std::uint32_t count() const noexcept { return parser_->n_structural_indexes; }

 private:
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

json_index::json_index() : impl_(std::make_unique<impl>()) {}
json_index::~json_index() = default;

bool json_index::build(std::string_view text, const event_options& options, json_structure& out) {
  if (text.empty() || !has_allowed_size(text, options)) return false;
  if (!impl_->reserve(text.size())) throw std::bad_alloc();
  if (!impl_->run(text)) return false;
  out.text = text.data();
  out.index = impl_->index();
  out.count = impl_->count();
  out.size = static_cast<std::uint32_t>(text.size());
  if (out.count < 2 || text[out.index[0]] != '{' || text[out.index[out.count - 1]] != '}') return false;
  out.has_escapes = std::memchr(text.data(), '\\', text.size()) != nullptr;
  return true;
}

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
