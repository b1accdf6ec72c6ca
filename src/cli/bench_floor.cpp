#include "bench_floor.hpp"

#include <simdjson.h>

namespace rulebus::cli {

void padded_events::add(std::string_view event) {
  text_ += event;
  text_.append(simdjson::SIMDJSON_PADDING, '\0');
  sizes_.push_back(event.size());
  bytes_ += event.size();
}

void padded_events::finish() {
  views_.clear();
  views_.reserve(sizes_.size());
  std::string_view rest = text_;
  for (const std::size_t size : sizes_) {
    views_.push_back(rest.substr(0, size));
    rest.remove_prefix(size + simdjson::SIMDJSON_PADDING);
  }
}

class floor_reader::impl {
 public:
  simdjson::ondemand::parser parser;
};

floor_reader::floor_reader() : impl_(std::make_unique<impl>()) {}
floor_reader::~floor_reader() = default;
floor_reader::floor_reader(floor_reader&&) noexcept = default;

std::string floor_reader::implementation() { return simdjson::get_active_implementation()->name(); }

std::size_t floor_reader::pass(std::span<const std::string_view> events) {
  std::size_t refused = 0;
  for (const std::string_view event : events) {
    const simdjson::padded_string_view view(event.data(), event.size(), event.size() + simdjson::SIMDJSON_PADDING);
    if (impl_->parser.iterate(view).error() != simdjson::SUCCESS) ++refused;
  }
  return refused;
}

}  // namespace rulebus::cli
