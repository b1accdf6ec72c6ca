#include "configuration_file.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "excerpt.hpp"
#include "input.hpp"

namespace rulebus::cli {

service_options service_for(const pipeline_options& options, const common_options& common) {
  service_options made;
  made.buses.account = options.account;
  made.buses.region = options.region;
  made.buses.threads = options.threads;
  made.buses.matching.patterns = common.patterns;
  made.buses.delivery.when_full = overflow::block;
  return made;
}

std::string read_configuration_file(const std::string& path) { return read_file(path); }

void show_configuration_error(const std::string& path, std::string_view text, const error& e) {
  if (e.line == 0) {
    complain(fmt::format("{}: {}", shown_path(path), e.message));
    return;
  }
  complain(fmt::format("{}:{}:{}: {}", shown_path(path), e.line, e.column, e.message));
  const excerpt shown = excerpt_at(text, e.offset);
  fmt::print(stderr, "  {}\n  {}\n", shown.line, shown.caret);
}

}  // namespace rulebus::cli
